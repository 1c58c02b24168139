//! Protobuf without generated types: payloads to named JSON and back, and edits of single fields in place.
//!
//! Invariant: no payload makes it panic, allocate by a forged length, or recurse deeper than [`MAX_DEPTH`].

use serde_json::{Map, Number, Value};

use super::catalogue::{self, Kind, Shape};

/// IB nests four deep (a condition in an order in an open order); beyond this it is no message of IB's.
const MAX_DEPTH: usize = 12;

/// One field as it stands on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Raw<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// Splits a payload into fields; `None` if it is no protobuf.
pub(crate) fn fields(mut bytes: &[u8]) -> Option<Vec<(u32, Raw<'_>)>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let number = u32::try_from(key >> 3).ok().filter(|number| *number != 0)?;
        let raw = match key & 7 {
            0 => Raw::Varint(varint(&mut bytes)?),
            1 => Raw::Fixed64(*take(&mut bytes, 8)?.first_chunk()?),
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                Raw::Bytes(take(&mut bytes, length)?)
            }
            5 => Raw::Fixed32(*take(&mut bytes, 4)?.first_chunk()?),
            _ => return None,
        };
        found.push((number, raw));
    }
    Some(found)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..70).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or_default());
}

fn put(out: &mut Vec<u8>, number: u32, raw: Raw<'_>) {
    let wire_type = match raw {
        Raw::Varint(_) => 0,
        Raw::Fixed64(_) => 1,
        Raw::Bytes(_) => 2,
        Raw::Fixed32(_) => 5,
    };
    put_varint(out, (u64::from(number) << 3) | wire_type);
    match raw {
        Raw::Varint(value) => put_varint(out, value),
        Raw::Fixed64(bytes) => out.extend(bytes),
        Raw::Fixed32(bytes) => out.extend(bytes),
        Raw::Bytes(bytes) => {
            put_varint(out, bytes.len() as u64);
            out.extend(bytes);
        }
    }
}

/// The payload with its fields named; `None` if a field is unknown or not of its kind.
pub(crate) fn decode(shape: &Shape, payload: &[u8]) -> Option<Value> {
    decode_at(shape, payload, MAX_DEPTH).map(Value::Object)
}

fn decode_at(shape: &Shape, payload: &[u8], depth: usize) -> Option<Map<String, Value>> {
    let depth = depth.checked_sub(1)?;
    let mut object = Map::new();
    for (number, raw) in fields(payload)? {
        let field = shape.by_number(number)?;
        for value in values(field.kind, raw, depth)? {
            if !field.repeated {
                object.insert(field.name.to_owned(), value);
            } else if let Value::Array(list) = object.entry(field.name).or_insert_with(|| Value::Array(Vec::new())) {
                list.push(value);
            }
        }
    }
    Some(object)
}

/// One value, or the many of a packed field.
fn values(kind: Kind, raw: Raw<'_>, depth: usize) -> Option<Vec<Value>> {
    Some(vec![match (kind, raw) {
        (Kind::Int, Raw::Varint(value)) => Value::from(value.cast_signed()),
        (Kind::Bool, Raw::Varint(value)) if value < 2 => Value::Bool(value == 1),
        (Kind::Double, Raw::Fixed64(bytes)) => Value::Number(Number::from_f64(f64::from_le_bytes(bytes))?),
        (Kind::Text, Raw::Bytes(bytes)) => Value::from(std::str::from_utf8(bytes).ok()?),
        (Kind::Message(name), Raw::Bytes(bytes)) => Value::Object(decode_at(catalogue::shape(name)?, bytes, depth)?),
        (Kind::Double, Raw::Bytes(bytes)) => return packed_doubles(bytes),
        (Kind::Int, Raw::Bytes(bytes)) => return packed_ints(bytes),
        _ => return None,
    }])
}

fn packed_doubles(bytes: &[u8]) -> Option<Vec<Value>> {
    let (chunks, rest) = bytes.as_chunks::<8>();
    rest.is_empty().then_some(())?;
    chunks.iter().map(|chunk| Some(Value::Number(Number::from_f64(f64::from_le_bytes(*chunk))?))).collect()
}

fn packed_ints(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        found.push(Value::from(varint(&mut bytes)?.cast_signed()));
    }
    Some(found)
}

/// The payload of named fields, in ascending numbers as IB writes them; the error names what does not fit.
pub(crate) fn encode(shape: &Shape, value: &Value) -> Result<Vec<u8>, String> {
    encode_at(shape, value, MAX_DEPTH)
}

fn encode_at(shape: &Shape, value: &Value, depth: usize) -> Result<Vec<u8>, String> {
    let depth = depth.checked_sub(1).ok_or("nested too deeply")?;
    let object = value.as_object().ok_or_else(|| format!("{} is an object", shape.name))?;
    if let Some(unknown) = object.keys().find(|name| shape.by_name(name).is_none()) {
        return Err(format!("{} has no field {unknown}", shape.name));
    }
    let mut out = Vec::new();
    for field in &shape.fields {
        let Some(value) = object.get(field.name) else { continue };
        let misfit = || format!("{}.{}: {value} does not fit", shape.name, field.name);
        match (field.repeated, value) {
            (false, value) => put_value(&mut out, field.number, field.kind, value, depth)?,
            (true, Value::Array(list)) => match field.kind {
                Kind::Double => {
                    let packed: Option<Vec<[u8; 8]>> = list.iter().map(|value| value.as_f64().map(f64::to_le_bytes)).collect();
                    put(&mut out, field.number, Raw::Bytes(&packed.ok_or_else(misfit)?.concat()));
                }
                Kind::Int => {
                    let mut packed = Vec::new();
                    for value in list {
                        put_varint(&mut packed, value.as_i64().ok_or_else(misfit)?.cast_unsigned());
                    }
                    put(&mut out, field.number, Raw::Bytes(&packed));
                }
                kind => {
                    for value in list {
                        put_value(&mut out, field.number, kind, value, depth)?;
                    }
                }
            },
            (true, _) => return Err(misfit()),
        }
    }
    Ok(out)
}

fn put_value(out: &mut Vec<u8>, number: u32, kind: Kind, value: &Value, depth: usize) -> Result<(), String> {
    let misfit = || format!("field {number}: {value} does not fit");
    match kind {
        Kind::Int => put(out, number, Raw::Varint(value.as_i64().ok_or_else(misfit)?.cast_unsigned())),
        Kind::Bool => put(out, number, Raw::Varint(u64::from(value.as_bool().ok_or_else(misfit)?))),
        Kind::Double => put(out, number, Raw::Fixed64(value.as_f64().ok_or_else(misfit)?.to_le_bytes())),
        Kind::Text => put(out, number, Raw::Bytes(value.as_str().ok_or_else(misfit)?.as_bytes())),
        Kind::Message(name) => {
            let shape = catalogue::shape(name).ok_or_else(misfit)?;
            put(out, number, Raw::Bytes(&encode_at(shape, value, depth)?));
        }
    }
    Ok(())
}

/// A value that an edit may replace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    Int(i64),
    Text(String),
}

/// Which field a leaf stands in; both names are empty where the catalogue does not know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    pub(crate) message: &'a str,
    pub(crate) field: &'a str,
}

/// Shows every whole number and every text of a payload to `edit` and writes back what that makes of it; all else
/// stays, byte for byte. `edit` returns `None` to drop the field. `None` if the payload is no protobuf.
pub(crate) fn rewrite(shape: Option<&Shape>, payload: &[u8], edit: &mut dyn FnMut(Place<'_>, Leaf) -> Option<Leaf>) -> Option<Vec<u8>> {
    rewrite_at(shape, payload, edit, MAX_DEPTH)
}

fn rewrite_at(
    shape: Option<&Shape>,
    payload: &[u8],
    edit: &mut dyn FnMut(Place<'_>, Leaf) -> Option<Leaf>,
    depth: usize,
) -> Option<Vec<u8>> {
    let depth = depth.checked_sub(1)?;
    let mut out = Vec::with_capacity(payload.len());
    for (number, raw) in fields(payload)? {
        let field = shape.and_then(|shape| shape.by_number(number));
        let place = Place { message: shape.map_or("", |shape| shape.name), field: field.map_or("", |field| field.name) };
        let leaf = match (field.map(|field| field.kind), raw) {
            (Some(Kind::Message(inner)), Raw::Bytes(bytes)) => {
                put(&mut out, number, Raw::Bytes(&rewrite_at(catalogue::shape(inner), bytes, edit, depth)?));
                continue;
            }
            (None | Some(Kind::Int), Raw::Varint(value)) => Leaf::Int(value.cast_signed()),
            (Some(Kind::Text), Raw::Bytes(bytes)) => Leaf::Text(String::from_utf8_lossy(bytes).into_owned()),
            // Not in the catalogue: text if it reads as text, else a message, else text as far as it goes.
            (None, Raw::Bytes(bytes)) => {
                if let Some(text) = readable(bytes) {
                    Leaf::Text(text.to_owned())
                } else if let Some(inner) = rewrite_at(None, bytes, edit, depth) {
                    put(&mut out, number, Raw::Bytes(&inner));
                    continue;
                } else {
                    Leaf::Text(String::from_utf8_lossy(bytes).into_owned())
                }
            }
            (_, raw) => {
                put(&mut out, number, raw);
                continue;
            }
        };
        match edit(place, leaf) {
            Some(Leaf::Int(value)) => put(&mut out, number, Raw::Varint(value.cast_unsigned())),
            Some(Leaf::Text(text)) => put(&mut out, number, Raw::Bytes(text.as_bytes())),
            None => {}
        }
    }
    Some(out)
}

fn readable(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.chars().any(|c| c.is_control() && !c.is_whitespace()))
}

#[cfg(test)]
#[path = "protobuf_tests.rs"]
mod tests;
