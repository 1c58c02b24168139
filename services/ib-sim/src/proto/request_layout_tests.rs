//! Writes one arbitrary request in both dialects at once, sharing nothing with the codecs: a layout
//! names protobuf fields in the order of the text message, with their types.
//!
//! A layout is a row of: `2.5d` (field 5 within field 2, a double; `i` whole number, `s` text, `q`
//! quantity, `b` flag that is absent unless set, `f` flag that is always there, `o` options), `=X` after
//! it for a fixed value, `_` a field that protobuf has not (1 unless fixed), `$2` a condition's `a` or `o`, `C2` the
//! twelve fields of contract 2, `#2(..)` a count and its rows, `*17(..)` a flag and what it announces,
//! `?41(..)` what follows if the field is there.

use std::collections::BTreeMap;

use prost::encoding::encode_varint;

use crate::proto::tests::layout::group;

#[derive(Debug)]
enum Node {
    Leaf(u64, Vec<u8>),
    Message(Tree),
    Rows(Vec<Tree>),
}

type Tree = BTreeMap<u32, Node>;

fn bytes_of(tree: &Tree) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |field: u32, wire: u64, value: &[u8]| {
        encode_varint(u64::from(field) << 3 | wire, &mut out);
        if wire == 2 {
            encode_varint(value.len() as u64, &mut out);
        }
        out.extend(value);
    };
    for (field, node) in tree {
        match node {
            Node::Leaf(wire, value) => put(*field, *wire, value),
            Node::Message(tree) => put(*field, 2, &bytes_of(tree)),
            Node::Rows(rows) => rows.iter().for_each(|row| put(*field, 2, &bytes_of(row))),
        }
    }
    out
}

/// The tree that holds the last step of a path, made where it is missing, and that step.
fn parent<'a>(root: &'a mut Tree, path: &str) -> (&'a mut Tree, u32) {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let field = first.parse().unwrap();
    if rest.is_empty() {
        return (root, field);
    }
    match root.entry(field).or_insert_with(|| Node::Message(Tree::new())) {
        Node::Message(tree) => parent(tree, rest),
        other => panic!("{path}: {other:?}"),
    }
}

/// Arbitrary values, used over and over.
#[derive(Debug, Clone)]
pub(super) struct Values {
    pub(super) numbers: Vec<i32>,
    pub(super) doubles: Vec<f64>,
    pub(super) texts: Vec<String>,
    pub(super) present: Vec<bool>,
}

/// The request so far.
struct Writer<'v> {
    values: &'v Values,
    fields: Vec<String>,
    used: usize,
}

impl Writer<'_> {
    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        self.used += 1;
        from[self.used % from.len()].clone()
    }

    fn maybe(&mut self) -> bool {
        let present = self.values.present.clone();
        self.pick(&present)
    }

    fn value(&mut self, root: &mut Tree, path: &str, kind: char, fixed: Option<&str>) {
        let there = fixed.is_some() || self.maybe() || kind == 'f';
        let (numbers, doubles, texts) = (self.values.numbers.clone(), self.values.doubles.clone(), self.values.texts.clone());
        let text = fixed.map_or_else(|| self.pick(&texts), str::to_owned);
        let (text, wire, value) = match kind {
            'i' => {
                let number = fixed.map_or_else(|| self.pick(&numbers), |fixed| fixed.parse().unwrap());
                let mut bytes = Vec::new();
                encode_varint(i64::from(number).cast_unsigned(), &mut bytes);
                (number.to_string(), 0, bytes)
            }
            'd' if fixed == Some("inf") => ("Infinite".to_owned(), 1, f64::INFINITY.to_le_bytes().to_vec()),
            'd' => {
                let double = self.pick(&doubles);
                (format!("{double:?}"), 1, double.to_le_bytes().to_vec())
            }
            'b' | 'f' => {
                let on = kind == 'b' || self.maybe();
                (i32::from(on).to_string(), 0, vec![u8::from(on)])
            }
            // The way float-minded clients write a whole quantity.
            'q' => ("100.0".to_owned(), 2, b"100".to_vec()),
            'o' => {
                let entry = Tree::from([(1, Node::Leaf(2, b"tag".to_vec())), (2, Node::Leaf(2, text.clone().into_bytes()))]);
                (format!("tag={text};"), 2, bytes_of(&entry))
            }
            _ => (text.clone(), 2, text.into_bytes()),
        };
        self.fields.push(match (there, kind) {
            (true, _) => text,
            (false, 'b') => "0".to_owned(),
            (false, _) => String::new(),
        });
        if there {
            let (tree, field) = parent(root, path);
            tree.insert(field, Node::Leaf(wire, value));
        }
    }

    fn write(&mut self, root: &mut Tree, mut layout: &str) {
        loop {
            layout = layout.trim_start();
            let Some(sign) = layout.chars().next() else { return };
            let end = layout.find([' ', '(']).unwrap_or(layout.len());
            let (token, after) = (&layout[..end], &layout[end..]);
            layout = match sign {
                '#' | '*' | '?' => {
                    let (inner, rest) = group(after);
                    self.group(root, sign, &token[1..], inner);
                    rest
                }
                '_' => {
                    self.fields.push(token.split_once('=').map_or("1", |(_, fixed)| fixed).to_owned());
                    after
                }
                '$' => {
                    let all = self.maybe();
                    self.fields.push(if all { "a" } else { "o" }.to_owned());
                    root.insert(token[1..].parse().unwrap(), Node::Leaf(0, vec![u8::from(all)]));
                    after
                }
                'C' => {
                    for (field, kind) in (1..=12).zip("isssdsdsssss".chars()) {
                        self.value(root, &format!("{}.{field}", &token[1..]), kind, None);
                    }
                    after
                }
                _ => {
                    let (token, fixed) = token.split_once('=').map_or((token, None), |(token, fixed)| (token, Some(fixed)));
                    let (path, kind) = token.split_at(token.len() - 1);
                    self.value(root, path, kind.chars().next().unwrap(), fixed);
                    after
                }
            };
        }
    }

    fn group(&mut self, root: &mut Tree, sign: char, path: &str, inner: &str) {
        if sign == '?' {
            let (tree, field) = parent(root, path);
            if tree.contains_key(&field) {
                self.write(root, inner);
            }
            return;
        }
        let count = usize::from(self.maybe()) * if sign == '#' { 2 } else { 1 };
        self.fields.push(count.to_string());
        let mut rows = Vec::new();
        for _ in 0..count {
            let mut row = Tree::new();
            self.write(&mut row, inner);
            rows.push(row);
        }
        if count > 0 {
            let (tree, field) = parent(root, path);
            tree.insert(field, Node::Rows(rows));
        }
    }
}

/// The body of the text frame, without its number, and the protobuf payload of the same request.
pub(super) fn request(layout: &str, values: &Values) -> (String, Vec<u8>) {
    let mut writer = Writer { values, fields: Vec::new(), used: 0 };
    let mut tree = Tree::new();
    writer.write(&mut tree, layout);
    (writer.fields.iter().map(|field| format!("{field}\0")).collect(), bytes_of(&tree))
}

/// A placed order. The words in brackets stand for what depends on its kind.
const ORDER: &str = concat!(
    "1i C2 2.13s 2.14s 3.5s 3.6q <TYPE> 3.9d 3.10d 3.11s 3.27s 3.12s 3.68s 3.69i 3.28s 3.66b 3.4i 3.17b 3.20b 3.7i 3.31i 3.19b 3.18b <LEGS> ",
    "_ 3.76d 3.25s 3.26s 3.34s 3.35s 3.36s 3.103s 3.70i 3.71s 3.72i 3.30i 3.29s 3.13s 3.16b 3.24i 3.21d _ _ _ _ 3.78d 3.79d 3.80d ",
    "3.81d 3.82d 3.67b 3.37d 3.38i 3.41s 3.42d ?3.41(3.43i 3.73s 3.74s 3.75s 3.44s 3.45b 3.46i 3.47s) 3.39b 3.40i 3.23d 3.22d 3.48i ",
    "3.49i 3.50d ?3.50(3.51d 3.52i 3.53d 3.54b 3.55i 3.56i 3.57b) 3.58s 3.32s 3.33s 3.59s ?3.59(3.60s) 3.77b 3.14s 3.15s 3.83b ",
    "*2.17(1i 2d 3d) 3.61s ?3.61(#3.62(1s 2s)) 3.63s 3.65b 3.84o 3.85b 3.86b 3.87b <BENCH> <COND> 3.93s 3.94d 3.99d 3.95d 3.96d 3.97d ",
    "3.98i 3.104s 3.105.1s 3.105.2s 3.106d 3.107s 3.108s 3.109s 3.110s 3.111b 3.112b 3.113b 3.122i 3.123i 3.124i 3.117b 3.125s 3.126s <ATS> <PEG>",
);

const CONDITIONS: [&str; 6] =
    ["1i=1 $2 3f 10d 4i 5s 11i", "1i=3 $2 3f 12s", "1i=4 $2 3f 8i", "1i=5 $2 7s 5s 6s", "1i=6 $2 3f 13i 4i 5s", "1i=7 $2 3f 9d 4i 5s"];

/// The kinds of orders whose layout differs: what stands for each of the words above.
const ORDERS: &[&[(&str, &str)]] = &[
    &[],
    &[
        ("C2", "2.1i 2.2s 2.3s=BAG 2.4s 2.5d 2.6s 2.7d 2.8s 2.9s 2.10s 2.11s 2.12s"),
        ("<LEGS>", "#2.20(1i 2i 3s 4s 5i 6i 7s 8i) _=0 #3.64(1s 2s)"),
    ],
    &[("<TYPE>", "3.8s=PEGBENCH"), ("<BENCH>", "3.88i 3.90b 3.89d 3.91d 3.92s")],
    &[("<TYPE>", "3.8s=PEGMID"), ("<PEG>", "3.130d 3.131d")],
    &[("<TYPE>", "3.8s=PEGBEST"), ("<PEG>", "3.128i 3.129d")],
    &[("<TYPE>", "3.8s=PEGBEST"), ("<PEG>", "3.128i 3.129d=inf 3.130d 3.131d")],
    &[("C2", "2.1i 2.2s 2.3s 2.4s 2.5d 2.6s 2.7d 2.8s=IBKRATS 2.9s 2.10s 2.11s 2.12s"), ("<ATS>", "3.127i")],
];

/// Every layout of a placed order: each kind, with each kind of condition.
pub(super) fn orders() -> Vec<String> {
    let one = |words: &[(&str, &str)], condition: &str| {
        let filled = words.iter().fold(ORDER.to_owned(), |layout, (word, with)| layout.replace(word, with));
        let filled = filled.replace("<TYPE>", "3.8s").replace("<COND>", &format!("#3.100({condition}) ?3.100(3.102b 3.101b)"));
        ["<LEGS>", "<BENCH>", "<ATS>", "<PEG>"].iter().fold(filled, |layout, word| layout.replace(word, ""))
    };
    ORDERS.iter().flat_map(|words| CONDITIONS.iter().map(move |condition| one(words, condition))).collect()
}

/// Every other request that both dialects have.
pub(super) const REQUESTS: &[(u32, &str)] = &[
    (1, "_ 1i C2 *2.17(1i 2d 3d) 3s 4b 5b 6o"),
    (1, "_ 1i 2.1i 2.2s 2.3s=BAG 2.4s 2.5d 2.6s 2.7d 2.8s 2.9s 2.10s 2.11s 2.12s #2.20(1i 2i 3s 4s) *2.17(1i 2d 3d) 3s 4b 5b 6o"),
    (2, "_ 1i"),
    (4, "_ 1i 2.1s"),
    (5, "_"),
    (6, "_ 1b 2s"),
    (7, "_ 1i 2.1i 2.2s 2.3s 2.4s 2.5s 2.6s 2.7s"),
    (8, "_ 1i"),
    (9, "_ 1i C2 2.18b 2.13s 2.14s 2.16s"),
    (10, "_ 1i C2 3i 4b 5o"),
    (11, "_ 1i 2b"),
    (12, "_ 1b"),
    (13, "_"),
    (14, "_ _"),
    (15, "_ 1b"),
    (16, "_"),
    (17, "_"),
    (18, "_ 1i"),
    (19, "_ 2i 3s 1i"),
    (20, "1i C2 2.18b 3s 4s 5s 6b 7s 8i 9b 10o"),
    (20, "1i 2.1i 2.2s 2.3s=BAG 2.4s 2.5d 2.6s 2.7d 2.8s 2.9s 2.10s 2.11s 2.12s 2.18b 3s 4s 5s 6b 7s 8i #2.20(1i 2i 3s 4s) 9b 10o"),
    (21, "_ 1i 2.1i 2.2s 2.3s 2.4s 2.5d 2.6s 2.7d 2.8s 2.10s 2.11s 2.12s 3i 4i 5s 6b"),
    (
        22,
        "1i 2.1i 2.2s 2.3s 2.4s 2.5d 2.6d 2.7i 2.8d 2.9d 2.10s 2.11s 2.12s 2.13s 2.14s 2.15s 2.16d 2.17d 2.18b 2.19i 2.20s 2.21s 2.22o 2.23o",
    ),
    (23, "_ 1i"),
    (24, "_"),
    (25, "_ 1i"),
    (49, "_"),
    (50, "_ 1i C2 3i 4s 5b 6o"),
    (51, "_ 1i"),
    (54, "_ 1i C2 3d 4d _ 5o"),
    (55, "_ 1i C2 3d 4d _ 5o"),
    (56, "_ 1i"),
    (57, "_ 1i"),
    (58, "_"),
    (59, "_ 1i"),
    (61, "_"),
    (62, "_ 1i 2s 3s"),
    (63, "_ 1i"),
    (64, "_"),
    (65, "_ _ _"),
    (66, "_ _"),
    (67, "_ 1i"),
    (68, "_ 1i 2i"),
    (69, "_ 1i 2s"),
    (70, "_ 1i"),
    (71, "_ 1i 2s"),
    (72, "_ _ _ _"),
    (73, "_ _ _"),
    (74, "_ 1i 2s 3s"),
    (75, "_ 1i"),
    (76, "_ 1i 2s 3s 4b"),
    (77, "_ 1i"),
    (78, "1i 2s 3s 4s 5i"),
    (79, "1i"),
    (80, ""),
    (81, "1i 2s"),
    (82, ""),
    (83, "1i 2s"),
    (84, "1i 2s 3s 4o"),
    (85, ""),
    (86, "1i 2i 3s 4s 5s 6i 7o"),
    (87, "1i C2 2.18b 3b 4s 5i"),
    (88, "1i C2 2.18b 3b 4s"),
    (89, "1i"),
    (90, "1i"),
    (91, "1i"),
    (92, "1i 2s 3s"),
    (93, "1i"),
    (94, "1i 2s 3s 4i"),
    (95, "1i"),
    (96, "1i C2 2.18b 3s 4s 5i 6s 7b 8b 9o"),
    (97, "1i C2 3s 4i 5b"),
    (98, "1i"),
    (99, "1b"),
    (100, "1i"),
    (101, "1i"),
    (102, "1i 2i 3s 4b 5b 6b 7s 8s 9i"),
    (103, "1i"),
    (104, "1i"),
];
