//! Protobuf frames by hand: what the real client hides, and fields it does not show.

use ib_sim::Sim;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::soon;

/// One field of a request: number and value.
#[derive(Debug, Clone)]
pub(crate) enum Field<'a> {
    Int(u32, i64),
    Text(u32, &'a str),
    Real(u32, f64),
    Inner(u32, Vec<u8>),
}

/// One field of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Int(u64),
    Real(f64),
    Bytes(Vec<u8>),
}

/// A decoded answer: IB's message number and its fields.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) id: u32,
    pub(crate) fields: Vec<(u32, Value)>,
}

pub(crate) struct Frames(TcpStream);

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap());
}

pub(crate) fn encode(fields: &[Field<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for field in fields {
        let (number, kind) = match field {
            Field::Int(number, _) => (number, 0),
            Field::Real(number, _) => (number, 1),
            Field::Text(number, _) | Field::Inner(number, _) => (number, 2),
        };
        varint(u64::from(number << 3 | kind), &mut out);
        match field {
            Field::Int(_, value) => varint(value.cast_unsigned(), &mut out),
            Field::Real(_, value) => out.extend(value.to_le_bytes()),
            Field::Text(_, text) => {
                varint(u64::try_from(text.len()).unwrap(), &mut out);
                out.extend(text.as_bytes());
            }
            Field::Inner(_, bytes) => {
                varint(u64::try_from(bytes.len()).unwrap(), &mut out);
                out.extend(bytes);
            }
        }
    }
    out
}

fn read_varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}

pub(crate) fn decode(mut bytes: &[u8]) -> Vec<(u32, Value)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let key = u32::try_from(read_varint(&mut bytes)).unwrap();
        let value = match key & 7 {
            0 => Value::Int(read_varint(&mut bytes)),
            1 => {
                let (eight, rest) = bytes.split_at(8);
                bytes = rest;
                Value::Real(f64::from_le_bytes(eight.try_into().unwrap()))
            }
            _ => {
                let length = usize::try_from(read_varint(&mut bytes)).unwrap();
                let (inner, rest) = bytes.split_at(length);
                bytes = rest;
                Value::Bytes(inner.to_vec())
            }
        };
        fields.push((key >> 3, value));
    }
    fields
}

impl Answer {
    pub(crate) fn int(&self, number: u32) -> i64 {
        self.fields
            .iter()
            .find_map(|field| if let (n, Value::Int(value)) = field { (*n == number).then_some(*value) } else { None })
            .unwrap_or(0)
            .cast_signed()
    }

    pub(crate) fn real(&self, number: u32) -> Option<f64> {
        self.fields.iter().find_map(|field| if let (n, Value::Real(value)) = field { (*n == number).then_some(*value) } else { None })
    }

    pub(crate) fn text(&self, number: u32) -> String {
        let bytes = self.all(number).into_iter().next();
        bytes.map(|bytes| String::from_utf8(bytes).unwrap()).unwrap_or_default()
    }

    pub(crate) fn all(&self, number: u32) -> Vec<Vec<u8>> {
        let inner = |field: &(u32, Value)| if let (n, Value::Bytes(bytes)) = field { (*n == number).then(|| bytes.clone()) } else { None };
        self.fields.iter().filter_map(inner).collect()
    }

    /// The code of an error answer.
    pub(crate) fn code(&self) -> i64 {
        assert_eq!(self.id, 4, "{self:?}");
        self.int(3)
    }
}

impl Frames {
    /// A started session; what a gateway says unasked is read already.
    pub(crate) async fn start(sim: &Sim, client_id: i64) -> Self {
        let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
        stream.write_all(b"API\0\0\0\0\x09v213..226").await.unwrap();
        let mut frames = Self(stream);
        frames.body().await;
        frames.ask(71, &[Field::Int(1, client_id)]).await;
        while frames.next().await.text(4) != "Sec-def data farm connection is OK:secdefnj" {}
        frames
    }

    pub(crate) async fn ask(&mut self, message: u32, fields: &[Field<'_>]) {
        let payload = encode(fields);
        let mut frame = u32::try_from(payload.len() + 4).unwrap().to_be_bytes().to_vec();
        frame.extend((message + 200).to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).await.unwrap();
    }

    async fn body(&mut self) -> Vec<u8> {
        soon(async {
            let length = self.0.read_u32().await.unwrap();
            let mut body = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut body).await.unwrap();
            body
        })
        .await
    }

    pub(crate) async fn next(&mut self) -> Answer {
        let body = self.body().await;
        let id = u32::from_be_bytes(body[..4].try_into().unwrap()) - 200;
        Answer { id, fields: decode(&body[4..]) }
    }

    /// Reads on until an answer fits.
    pub(crate) async fn until(&mut self, fits: impl Fn(&Answer) -> bool) -> Answer {
        soon(async {
            loop {
                let answer = self.next().await;
                if fits(&answer) {
                    return answer;
                }
            }
        })
        .await
    }

    /// The next error, whatever comes before it.
    pub(crate) async fn error(&mut self) -> Answer {
        self.until(|answer| answer.id == 4).await
    }
}

/// A contract by its parts.
pub(crate) fn contract(symbol: &str, sec_type: &str, exchange: &str) -> Vec<u8> {
    encode(&[Field::Text(2, symbol), Field::Text(3, sec_type), Field::Text(8, exchange)])
}

pub(crate) fn by_id(con_id: i64) -> Vec<u8> {
    encode(&[Field::Int(1, con_id)])
}
