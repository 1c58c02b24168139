//! A reader of both dialects that shares nothing with the codecs: it walks a text frame and the bytes
//! of the protobuf message beside each other, along a layout that names protobuf fields in text order.
//!
//! A layout is a row of: a field (`2.5` is field 5 within field 2), `_` a field that protobuf has not,
//! `~2` escaped text, `&2,3` a mask of two flags, `$2` a condition's `a` or `o`, `.` the row itself,
//! `#2(..)` a count and its rows, `!7` a count and packed doubles, `%20(9)` a count of rows that is zero
//! unless any has the field, `*17(..)` a flag and what it announces, `?41(..)` what follows if the field
//! is there, `@8=X(..)` what follows if it is X, `C2` the eleven fields of contract 2.

use std::collections::BTreeMap;

/// What text prints where protobuf has nothing.
const ABSENT: [&str; 8] = ["", "0", "0.0", "-1", "-1.0", "-2.0", "1.7976931348623157E308", "2147483647"];
const CONTRACT: [u32; 11] = [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12];

#[derive(Debug, Clone)]
enum Wire<'a> {
    Number(u64),
    Double(f64),
    Bytes(&'a [u8]),
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..70).step_by(7) {
        let (byte, rest) = bytes.split_first().expect("a whole varint");
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return value;
        }
    }
    panic!("a varint without end")
}

fn parse(mut bytes: &[u8]) -> BTreeMap<u32, Vec<Wire<'_>>> {
    let mut fields: BTreeMap<u32, Vec<Wire<'_>>> = BTreeMap::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let value = match key & 7 {
            0 => Wire::Number(varint(&mut bytes)),
            1 => {
                let (value, rest) = bytes.split_first_chunk::<8>().expect("eight bytes");
                bytes = rest;
                Wire::Double(f64::from_le_bytes(*value))
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)).unwrap();
                let (value, rest) = bytes.split_at(length);
                bytes = rest;
                Wire::Bytes(value)
            }
            other => panic!("wire type {other}"),
        };
        fields.entry(u32::try_from(key >> 3).unwrap()).or_default().push(value);
    }
    fields
}

fn rows<'a>(root: &Wire<'a>, path: &str) -> Vec<Wire<'a>> {
    let mut found = vec![root.clone()];
    for step in path.split('.').filter(|step| !step.is_empty()) {
        let Some(Wire::Bytes(message)) = found.pop() else { return Vec::new() };
        found = parse(message).remove(&step.parse().unwrap()).unwrap_or_default();
    }
    found
}

fn same(wire: Option<&Wire<'_>>, text: &str) -> bool {
    match wire {
        None => ABSENT.contains(&text),
        Some(Wire::Number(value)) => text.parse::<i64>().is_ok_and(|number| number.cast_unsigned() == *value),
        Some(Wire::Double(value)) => text.parse() == Ok(*value),
        Some(Wire::Bytes(value)) => std::str::from_utf8(value) == Ok(text),
    }
}

fn unescaped(text: &str) -> String {
    let mut units: Vec<u16> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        units.extend(rest[..at].encode_utf16());
        units.push(u16::from_str_radix(&rest[at + 2..at + 6], 16).unwrap());
        rest = &rest[at + 6..];
    }
    units.extend(rest.encode_utf16());
    String::from_utf16(&units).unwrap()
}

/// The first group in parentheses, and what follows it.
pub(in crate::proto) fn group(layout: &str) -> (&str, &str) {
    let mut depth = 0;
    for (at, character) in layout.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 1 => return (&layout[1..at], &layout[at + 1..]),
            ')' => depth -= 1,
            _ => {}
        }
    }
    panic!("no group in {layout:?}")
}

struct Walk<'t> {
    fields: Vec<&'t str>,
    at: usize,
}

impl<'t> Walk<'t> {
    fn next(&mut self) -> Result<&'t str, String> {
        self.at += 1;
        self.fields.get(self.at - 1).copied().ok_or_else(|| format!("field {} is missing", self.at - 1))
    }

    fn expect(&mut self, what: &str, ok: impl Fn(&str) -> bool) -> Result<(), String> {
        let text = self.next()?;
        ok(text).then_some(()).ok_or_else(|| format!("field {}: {text:?} for {what}", self.at - 1))
    }

    fn value(&mut self, root: &Wire<'_>, path: &str) -> Result<(), String> {
        let wire = rows(root, path).pop();
        self.expect(&format!("{path} = {wire:?}"), |text| same(wire.as_ref(), text))
    }

    fn each(&mut self, rows: &[Wire<'_>], inner: &str) -> Result<(), String> {
        self.expect(&format!("a count of {}", rows.len()), |text| text.parse() == Ok(rows.len()))?;
        rows.iter().try_for_each(|row| self.walk(row, inner))
    }

    fn walk(&mut self, root: &Wire<'_>, mut layout: &str) -> Result<(), String> {
        loop {
            layout = layout.trim_start();
            let Some(kind) = layout.chars().next() else { return Ok(()) };
            let end = layout.find([' ', '(']).unwrap_or(layout.len());
            let (path, after) = (&layout[usize::from(!kind.is_ascii_digit())..end], &layout[end..]);
            let found = if "_.&".contains(kind) { Vec::new() } else { rows(root, path.split('=').next().unwrap()) };
            layout = match kind {
                '#' | '%' | '*' | '?' | '@' => {
                    let (inner, rest) = group(after);
                    let there = found.iter().any(|row| !matches!(row, Wire::Bytes([])));
                    match kind {
                        '#' => self.each(&found, inner)?,
                        '%' if found.iter().any(|row| !rows(row, inner).is_empty()) => self.each(&found, inner)?,
                        '%' => self.each(&[], inner)?,
                        '*' => {
                            self.expect("a flag", |text| text == if found.is_empty() { "0" } else { "1" })?;
                            found.iter().try_for_each(|row| self.walk(row, inner))?;
                        }
                        '?' if there => self.walk(root, inner)?,
                        '@' if same(found.last(), path.split('=').nth(1).unwrap()) => self.walk(root, inner)?,
                        _ => {}
                    }
                    rest
                }
                'C' => {
                    CONTRACT.iter().try_for_each(|field| self.value(root, &format!("{path}.{field}")))?;
                    after
                }
                '_' => {
                    self.next()?;
                    after
                }
                '.' => {
                    self.expect("the row", |text| same(Some(root), text))?;
                    after
                }
                '~' => {
                    self.expect(path, |text| same(found.last(), &unescaped(text)))?;
                    after
                }
                '$' => {
                    let conjunction = !matches!(found.last(), Some(Wire::Number(0)));
                    self.expect(path, |text| text == if conjunction { "a" } else { "o" })?;
                    after
                }
                '&' => {
                    let set = |path: &str| u8::from(matches!(rows(root, path).last(), Some(Wire::Number(1))));
                    let (first, second) = path.split_once(',').unwrap();
                    self.expect(path, |text| text.parse() == Ok(set(first) | set(second) << 1))?;
                    after
                }
                '!' => {
                    let packed = found.last().map_or(&[][..], |row| if let Wire::Bytes(bytes) = row { bytes } else { &[] });
                    let doubles: Vec<Wire<'_>> =
                        packed.as_chunks::<8>().0.iter().map(|value| Wire::Double(f64::from_le_bytes(*value))).collect();
                    self.each(&doubles, ".")?;
                    after
                }
                _ => {
                    self.value(root, path)?;
                    after
                }
            };
        }
    }
}

/// Whether a text body says what the protobuf payload says, field by field and with none left over.
pub(super) fn compare(layout: &str, payload: &[u8], text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.strip_suffix('\0').ok_or("the last field has no end")?.split('\0').skip(1).collect();
    let mut walk = Walk { fields, at: 0 };
    walk.walk(&Wire::Bytes(payload), layout)?;
    if walk.at < walk.fields.len() { Err(format!("{} fields are left over", walk.fields.len() - walk.at)) } else { Ok(()) }
}

/// Every message by number. The two orders are contract, order and state: 2, 3, 4 and 1, 2, 3.
pub(super) const LAYOUTS: &[(u32, &str)] = &[
    (1, "_ 1 2 3 4 5"),
    (2, "_ 1 2 3"),
    (3, "1 2 3 4 5 6 7 8 9 10 11"),
    (4, "_ 1 3 ~4 ~5"),
    (
        5,
        concat!(
            "1 C2 3.5 3.6 3.8 3.9 3.10 3.11 3.27 3.12 3.68 3.69 3.28 3.1 3.3 3.19 3.18 3.76 3.25 _ 3.34 3.35 3.36 3.103 3.26 3.29 3.21 3.13 ",
            "3.70 3.71 3.72 _ 3.78 3.79 3.80 3.81 3.82 3.7 3.17 3.20 3.16 3.24 3.30 _ _ _ 3.4 3.31 3.37 3.38 3.41 3.42 ",
            "?3.41(3.43 3.73 3.74 3.75 3.44 3.45 3.46 3.47) 3.39 3.40 3.23 3.22 _ _ 2.19 #2.20(1 2 3 4 5 6 7 8) %2.20(9) #3.64(1 2) ",
            "3.48 3.49 3.50 ?3.50(3.51 3.52 3.53 3.54 3.55 3.56 3.57) 3.59 ?3.59(3.60) 3.77 3.14 3.15 3.83 *2.17(1 2 3) ",
            "3.61 ?3.61(#3.62(1 2)) 3.85 3.65 4.1 4.2 4.3 4.4 4.5 4.6 4.7 4.8 4.9 4.10 4.11 4.12 4.13 4.14 ~4.28 3.86 3.87 ",
            "@3.8=PEGBENCH(3.88 3.90 3.89 3.91 3.92) ",
            "#3.100(1 $2 @1=5(7 5 6) @1=1(3 10 4 5 11) @1=3(3 12) @1=4(3 8) @1=6(3 13 4 5) @1=7(3 9 4 5)) ?3.100(3.102 3.101) ",
            "3.93 3.94 3.23 3.99 3.95 3.96 3.97 3.98 3.105.1 3.105.2 3.105.3 3.106 3.111 3.112 3.113 3.122 3.123 3.124 3.117 ",
            "3.127 3.128 3.129 3.130 3.131",
        ),
    ),
    (6, "_ 1 2 3 4"),
    (7, "_ 1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.9 1.10 1.11 1.12 2 3 4 5 6 7 8"),
    (8, "_ 1"),
    (9, "_ 1"),
    (
        10,
        "1 2.2 2.3 2.4 2.5 2.6 2.8 2.10 2.11 3.1 2.12 2.1 3.2 2.7 3.3 3.4 3.5 3.6 ~3.7 2.9 3.8 3.9 3.10 3.11 3.12 3.13 3.14 3.15 3.16 #3.17(1 2) 3.18 3.19 3.20 3.21 3.22 3.23 3.24 3.25 3.26",
    ),
    (11, "1 3.1 C2 3.2 3.3 3.4 3.5 3.6 3.7 3.8 3.9 3.10 3.11 3.12 3.13 3.14 3.15 3.16 3.17 3.18 3.19"),
    (12, "_ 1 2.1 2.2 2.3 2.4 2.5"),
    (13, "_ 1 2.1 2.6 2.2 2.3 2.4 2.5 2.7"),
    (14, "_ 1 2 3 4"),
    (15, "_ 1"),
    (17, "1 _ _ #2(1 2 3 4 5 6 7 8)"),
    (19, "_ 1"),
    (20, "_ 1 #2(1 2.1 2.2 2.3 2.4 2.5 2.6 2.8 2.10 2.11 3 2.12 4 5 6 7)"),
    (21, "1 2 3 4 5 6 7 8 9 10 11"),
    (45, "_ 1 2 3"),
    (46, "_ 1 2 3"),
    (49, "_ 1"),
    (50, "_ 1 2 3 4 5 6 7 8 9"),
    (52, "_ 1"),
    (53, "_"),
    (54, "_ 1"),
    (55, "_ 1"),
    (57, "_ 1"),
    (58, "_ 1 2"),
    (59, "_ 1 2 3 4 5 6"),
    (61, "_ 1 C2 3 4"),
    (62, "_"),
    (63, "_ 1 2 3 4 5"),
    (64, "_ 1"),
    (67, "_ 1 2"),
    (68, "_ 1 2"),
    (71, "_ 1 2 C3 4 5 6"),
    (72, "_ 1"),
    (73, "_ 1 2 3 4 5 6"),
    (74, "_ 1"),
    (75, "1 2 3 4 5 #6(.) !7"),
    (76, "1"),
    (77, "1 #2(1 2 3)"),
    (78, "#1(1 2)"),
    (79, "1 #2(1.1 1.2 1.3 1.9 1.10 #2(.) 1.15 1.16)"),
    (80, "#1(1 2 3 4 5)"),
    (81, "1 2 3 4"),
    (82, "1 #2(1 2 3)"),
    (83, "1 2 3"),
    (84, "1 2 3 4 5 6"),
    (85, "#1(1 2)"),
    (86, "1 2 3 4 5"),
    (87, "1 2"),
    (88, "1 2"),
    (89, "1 #2(1 2)"),
    (90, "1 2.8 2.1 2.2 2.5 2.3 2.4 2.7 2.6"),
    (93, "1 #2(1 2)"),
    (94, "1 2 3 4"),
    (95, "1 2 3 4 5 6"),
    (96, "1 #2(1 _ 2 3) 3"),
    (97, "1 #2(1 &2.2,2.1 3 4 5 6) 3"),
    (98, "1 #2(1 &2.1,2.2 3 4 5 6) 3"),
    (99, "1 2 ?3(3.1 3.3 3.4 &3.2.1,3.2.2 3.5 3.6) ?4(4.1 4.3 4.4 4.5 4.6 &4.2.1,4.2.2) ?5(5.1 5.2)"),
    (100, "1 2 3"),
    (
        101,
        concat!(
            "C1 2.5 2.6 2.8 2.9 2.10 2.11 2.27 2.12 2.68 2.69 2.28 2.3 2.19 2.18 2.76 2.25 2.34 2.35 2.36 2.103 2.26 2.29 2.21 2.13 2.70 2.71 ",
            "2.72 2.78 2.79 2.80 2.81 2.82 2.7 2.20 2.16 2.24 2.30 2.31 2.37 2.38 2.41 2.42 ?2.41(2.43 2.45 2.46 2.47) 2.39 2.40 2.23 2.22 ",
            "1.19 #1.20(1 2 3 4 5 6 7 8) %1.20(9) #2.64(1 2) 2.48 2.49 2.50 ?2.50(2.51 2.52 2.53 2.54 2.55 2.56 2.57) 2.59 ?2.59(2.60) ",
            "2.14 2.15 2.83 *1.17(1 2 3) 2.61 ?2.61(#2.62(1 2)) 2.85 3.1 2.86 2.87 @2.8=PEGBENCH(2.88 2.90 2.89 2.91 2.92) ",
            "#2.100(1 $2 @1=5(7 5 6) @1=1(3 10 4 5 11) @1=3(3 12) @1=4(3 8) @1=6(3 13 4 5) @1=7(3 9 4 5)) ?2.100(2.102 2.101) ",
            "2.23 2.99 2.106 2.111 2.112 2.114 2.115 2.116 2.117 2.118 2.119 2.120 2.121 3.29 3.30 2.127 2.128 2.129 2.130 2.131",
        ),
    ),
    (102, ""),
    (104, "1 2"),
    (105, "1 2"),
    (106, "1 2 3 4 #5(1 2 3)"),
    (107, "1 2"),
];
