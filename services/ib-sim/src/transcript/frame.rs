//! One message of either dialect, and its bytes.
//!
//! Invariant: `read` of what `write` made is the same frame; both look at the frame alone, so a connection may mix
//! dialects, as those between server version 201 and 212 do.

use bytes::Bytes;

use super::catalogue::{self, Direction};

/// Protobuf messages are numbered from here.
const PROTOBUF_BASE: u32 = 200;
/// The longest frame any known client takes; a length beyond it is no frame.
pub(crate) const MAX_FRAME: usize = 0x00ff_ffff;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) number: u32,
    pub(crate) payload: Payload,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Payload {
    Protobuf(Bytes),
    /// All NUL-terminated fields, the message number being the first.
    Text(Vec<String>),
    /// The form of text from server version 201 on: the number in four bytes, then the fields after it. The vector
    /// begins with the number all the same.
    NumberedText(Vec<String>),
}

impl Frame {
    /// Reads a frame body; `None` if it holds no message number.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        // A text number is an ASCII digit, so it never begins with 0; a number in four bytes always does.
        if body.first() != Some(&0) {
            let fields = split_text(body);
            let number = fields.first()?.parse().ok()?;
            return Some(Self { number, payload: Payload::Text(fields) });
        }
        let (number, rest) = body.split_first_chunk::<4>()?;
        let number = u32::from_be_bytes(*number);
        if let Some(message) = number.checked_sub(PROTOBUF_BASE).filter(|message| *message > 0) {
            return Some(Self { number: message, payload: Payload::Protobuf(Bytes::copy_from_slice(rest)) });
        }
        let mut fields = vec![number.to_string()];
        fields.extend(split_text(rest));
        Some(Self { number, payload: Payload::NumberedText(fields) })
    }

    /// The whole frame, length included.
    pub(crate) fn write(&self) -> Vec<u8> {
        let mut body = Vec::new();
        match &self.payload {
            Payload::Protobuf(payload) => {
                body.extend((PROTOBUF_BASE + self.number).to_be_bytes());
                body.extend_from_slice(payload);
            }
            Payload::Text(fields) => put_text(&mut body, fields),
            Payload::NumberedText(fields) => {
                body.extend(self.number.to_be_bytes());
                put_text(&mut body, fields.get(1..).unwrap_or_default());
            }
        }
        with_length(&body)
    }

    pub(crate) fn name(&self, direction: Direction) -> &'static str {
        catalogue::name(direction, self.number)
    }
}

/// A body with its length in front.
pub(crate) fn with_length(body: &[u8]) -> Vec<u8> {
    let mut frame = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

/// The fields of a text body. What is no UTF-8 becomes the replacement character: IB escapes such characters itself.
pub(crate) fn split_text(body: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.strip_suffix('\0').unwrap_or(&text);
    if body.is_empty() { Vec::new() } else { text.split('\0').map(str::to_owned).collect() }
}

fn put_text(body: &mut Vec<u8>, fields: &[String]) {
    for field in fields {
        body.extend_from_slice(field.as_bytes());
        body.push(0);
    }
}

/// Cuts a stream of bytes into frame bodies; remembers at most one unfinished frame.
#[derive(Debug, Default)]
pub(crate) struct Cutter {
    kept: Vec<u8>,
    broken: bool,
}

/// The stream announced a frame that is none; from here on nothing can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes is announced, and no frame is longer than {MAX_FRAME}")]
pub(crate) struct TooLong(pub(crate) usize);

impl Cutter {
    /// Takes the next bytes of the stream and hands each whole frame body to `found`. After an error all further
    /// bytes are ignored.
    pub(crate) fn push(&mut self, bytes: &[u8], mut found: impl FnMut(&[u8])) -> Result<(), TooLong> {
        if self.broken {
            return Ok(());
        }
        self.kept.extend_from_slice(bytes);
        let mut rest = &self.kept[..];
        let mut error = None;
        while let Some((length, after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > MAX_FRAME {
                error = Some(TooLong(length));
                break;
            }
            let Some((body, after)) = after.split_at_checked(length) else { break };
            found(body);
            rest = after;
        }
        let used = self.kept.len() - rest.len();
        self.kept.drain(..used);
        match error {
            Some(error) => {
                self.broken = true;
                self.kept = Vec::new();
                Err(error)
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(frame: &Frame) -> Vec<u8> {
        frame.write().split_off(4)
    }

    #[test]
    fn tells_the_three_forms_apart() {
        let protobuf = Frame::read(b"\0\0\x01\x0f\x08\xab\x04").unwrap();
        assert_eq!(protobuf, Frame { number: 71, payload: Payload::Protobuf(Bytes::from_static(b"\x08\xab\x04")) });
        let text = Frame::read(b"71\x002\x0077\0\0").unwrap();
        assert_eq!(text, Frame { number: 71, payload: Payload::Text(["71", "2", "77", ""].map(str::to_owned).to_vec()) });
        let numbered = Frame::read(b"\0\0\0\x472\x0077\0\0").unwrap();
        assert_eq!(numbered, Frame { number: 71, payload: Payload::NumberedText(["71", "2", "77", ""].map(str::to_owned).to_vec()) });
        assert_eq!((Frame::read(b""), Frame::read(b"x\0"), Frame::read(b"\0\0")), (None, None, None));
        for frame in [protobuf, text, numbered] {
            assert_eq!(Frame::read(&body(&frame)), Some(frame));
        }
    }

    #[test]
    fn cuts_whatever_the_socket_made_of_it() {
        let stream = [b"\0\0\0\x03abc".as_slice(), b"\0\0\0\0", b"\0\0\0\x01x"].concat();
        for step in 1..=stream.len() {
            let (mut cutter, mut bodies) = (Cutter::default(), Vec::new());
            for piece in stream.chunks(step) {
                cutter.push(piece, |body| bodies.push(body.to_vec())).unwrap();
            }
            assert_eq!(bodies, [b"abc".to_vec(), Vec::new(), b"x".to_vec()], "{step}");
        }
    }

    #[test]
    fn a_forged_length_is_said_once_and_nothing_is_kept() {
        let mut cutter = Cutter::default();
        assert_eq!(cutter.push(b"\xff\xff\xff\xffmore", |_| panic!("no frame")), Err(TooLong(0xffff_ffff)));
        assert_eq!(cutter.push(&[0; 64], |_| panic!("no frame")), Ok(()));
        assert!(cutter.kept.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(body: Vec<u8>) {
            if let Some(frame) = Frame::read(&body) {
                let _ = frame.write();
            }
            let _ = Cutter::default().push(&body, |_| ());
        }
    }
}
