//! IB's text encoding: fields in a fixed order, each ended by a NUL, the message number first.
//!
//! Invariant: a count that a client states allocates nothing and never exceeds the fields that are
//! really there; a written field never holds a NUL.

use bytes::{BufMut, Bytes, BytesMut};

/// What IB's own programs print for a double that is not set.
const UNSET_DOUBLE: &str = "1.7976931348623157E308";
/// Older and newer clients' words for a price offset "as far as it takes".
const INFINITE: [&str; 2] = ["Infinity", "Infinite"];

/// Why a text body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextError {
    #[error("field {0} is missing")]
    Missing(usize),
    #[error("field {at} should be {expected}, not {found:?}")]
    Malformed { at: usize, expected: &'static str, found: String },
    #[error("field {at} counts {count} rows, more than the message has fields")]
    Count { at: usize, count: i64 },
    #[error("there is no {what} of kind {kind}")]
    Kind { what: &'static str, kind: i32 },
}

/// Reads the fields of one body from left to right.
#[derive(Debug, Clone)]
pub(crate) struct FieldReader<'a> {
    rest: &'a [u8],
    at: usize,
}

impl<'a> FieldReader<'a> {
    pub(crate) fn new(body: &'a [u8]) -> Self {
        Self { rest: body, at: 0 }
    }

    /// Fields not read yet.
    pub(crate) fn left(&self) -> usize {
        self.rest.iter().filter(|byte| **byte == 0).count() + usize::from(self.rest.last().is_some_and(|byte| *byte != 0))
    }

    fn raw(&mut self) -> Result<&'a [u8], TextError> {
        if self.rest.is_empty() {
            return Err(TextError::Missing(self.at));
        }
        let end = self.rest.iter().position(|byte| *byte == 0);
        let (field, rest) = end.map_or((self.rest, &self.rest[self.rest.len()..]), |end| (&self.rest[..end], &self.rest[end + 1..]));
        self.rest = rest;
        self.at += 1;
        Ok(field)
    }

    pub(crate) fn skip(&mut self) -> Result<(), TextError> {
        self.raw().map(|_| ())
    }

    pub(crate) fn text(&mut self) -> Result<String, TextError> {
        Ok(String::from_utf8_lossy(self.raw()?).into_owned())
    }

    /// Text that was given; an empty field is an absent one.
    pub(crate) fn given(&mut self) -> Result<Option<String>, TextError> {
        Ok(Some(self.text()?).filter(|text| !text.is_empty()))
    }

    fn number<T: std::str::FromStr>(&mut self, expected: &'static str) -> Result<Option<T>, TextError> {
        let at = self.at;
        let text = self.text()?;
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| TextError::Malformed { at, expected, found: text.to_owned() })
    }

    /// A whole number; an empty field and IB's sentinel (2147483647) are absent.
    pub(crate) fn whole(&mut self) -> Result<Option<i32>, TextError> {
        Ok(self.number("a whole number")?.filter(|value| *value != i32::MAX))
    }

    pub(crate) fn int(&mut self) -> Result<i32, TextError> {
        Ok(self.whole()?.unwrap_or_default())
    }

    pub(crate) fn long(&mut self) -> Result<Option<i64>, TextError> {
        Ok(self.number("a whole number")?.filter(|value| *value != i64::MAX && *value != i64::from(i32::MAX)))
    }

    /// A number with a fraction; an empty field and IB's sentinel (the largest double) are absent.
    pub(crate) fn decimal(&mut self) -> Result<Option<f64>, TextError> {
        let mut ahead = self.clone();
        let text = ahead.text()?;
        if INFINITE.contains(&text.as_str()) {
            *self = ahead;
            return Ok(Some(f64::INFINITY));
        }
        let at = self.at;
        let value: Option<f64> = self.number("a number")?;
        if value.is_some_and(f64::is_nan) {
            return Err(TextError::Malformed { at, expected: "a number", found: text });
        }
        Ok(value.filter(|value| *value != f64::MAX))
    }

    pub(crate) fn double(&mut self) -> Result<f64, TextError> {
        Ok(self.decimal()?.unwrap_or_default())
    }

    /// A quantity as IB shows it: clients that think in floats write `100.0` for 100.
    pub(crate) fn quantity(&mut self) -> Result<Option<String>, TextError> {
        let at = self.at;
        let Some(text) = self.given()? else { return Ok(None) };
        match text.parse::<f64>() {
            Ok(value) if value == f64::MAX => Ok(None),
            Ok(value) if value.is_finite() && text.contains('.') && !text.contains(['e', 'E']) => {
                Ok(Some(text.trim_end_matches('0').trim_end_matches('.').to_owned()))
            }
            Ok(value) if value.is_finite() => Ok(Some(text)),
            _ => Err(TextError::Malformed { at, expected: "a quantity", found: text }),
        }
    }

    pub(crate) fn flag(&mut self) -> Result<bool, TextError> {
        Ok(self.number::<i64>("0 or 1")?.is_some_and(|value| value != 0))
    }

    /// A flag that is absent unless set, as clients leave it out of a protobuf message.
    pub(crate) fn set(&mut self) -> Result<Option<bool>, TextError> {
        Ok(self.flag()?.then_some(true))
    }

    /// How many rows follow. No more can follow than fields are left, whatever the client claims.
    pub(crate) fn count(&mut self) -> Result<usize, TextError> {
        let at = self.at;
        let count = self.number::<i64>("a count")?.unwrap_or_default();
        usize::try_from(count).ok().filter(|rows| *rows <= self.left()).ok_or(TextError::Count { at, count })
    }
}

/// A value that is one field.
pub(crate) trait Field {
    fn write(&self, out: &mut BytesMut);
}

impl Field for str {
    fn write(&self, out: &mut BytesMut) {
        for part in self.as_bytes().split(|byte| *byte == 0) {
            out.put_slice(part);
        }
    }
}

impl Field for String {
    fn write(&self, out: &mut BytesMut) {
        self.as_str().write(out);
    }
}

impl Field for i32 {
    fn write(&self, out: &mut BytesMut) {
        i64::from(*self).write(out);
    }
}

impl Field for i64 {
    fn write(&self, out: &mut BytesMut) {
        self.to_string().write(out);
    }
}

impl Field for usize {
    fn write(&self, out: &mut BytesMut) {
        self.to_string().write(out);
    }
}

impl Field for bool {
    fn write(&self, out: &mut BytesMut) {
        out.put_u8(if *self { b'1' } else { b'0' });
    }
}

impl Field for f64 {
    /// As IB's programs, which print every double with a fraction.
    fn write(&self, out: &mut BytesMut) {
        if *self == Self::MAX {
            UNSET_DOUBLE.write(out);
        } else if self.is_infinite() {
            if *self < 0.0 { "-Infinity" } else { INFINITE[0] }.write(out);
        } else {
            format!("{self:?}").replace('e', "E").write(out);
        }
    }
}

impl<T: Field> Field for Option<T> {
    fn write(&self, out: &mut BytesMut) {
        if let Some(value) = self {
            value.write(out);
        }
    }
}

impl<T: Field + ?Sized> Field for &T {
    fn write(&self, out: &mut BytesMut) {
        (**self).write(out);
    }
}

/// Text in IB's seven-bit form: what is not ASCII becomes `\uXXXX` in UTF-16 units.
#[derive(Debug)]
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl Field for Escaped<'_> {
    fn write(&self, out: &mut BytesMut) {
        let mut units = [0_u16; 2];
        for character in self.0.chars().filter(|character| *character != '\0') {
            // Clients undo escapes, so a backslash of ours has to survive that.
            if character.is_ascii() && character != '\\' {
                out.put_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            for unit in character.encode_utf16(&mut units) {
                out.put_slice(format!("\\u{unit:04x}").as_bytes());
            }
        }
    }
}

/// Writes one frame: its length, the message number, then fields.
#[derive(Debug)]
pub(crate) struct FieldWriter(BytesMut);

impl FieldWriter {
    pub(crate) fn new(message: u32) -> Self {
        let mut writer = Self(BytesMut::with_capacity(128));
        writer.0.put_u32(0);
        writer.put(i64::from(message));
        writer
    }

    pub(crate) fn put(&mut self, field: impl Field) -> &mut Self {
        field.write(&mut self.0);
        self.0.put_u8(0);
        self
    }

    pub(crate) fn finish(mut self) -> Bytes {
        let length = u32::try_from(self.0.len() - 4).expect("a reply stays far below 4 GiB: rows are capped");
        self.0[..4].copy_from_slice(&length.to_be_bytes());
        self.0.freeze()
    }
}

/// Writes fields in the order in which they are named.
macro_rules! put {
    ($writer:expr; $($field:expr),* $(,)?) => {{
        $( $writer.put(&$field); )*
    }};
}
pub(crate) use put;

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
