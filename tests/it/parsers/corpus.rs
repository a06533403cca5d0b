//! The inputs in `tests/corpus`, and mutations of them.

use std::{fs, path::Path};

use proptest::{prelude::*, sample::Index};

/// The inputs for one parser, by file name.
pub fn read(parser: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(parser);
    let mut inputs = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        inputs.push((path.display().to_string(), fs::read(&path).expect("a file")));
    }
    assert!(!inputs.is_empty(), "{parser}");
    inputs.sort();
    inputs
}

/// A change of an input at some place.
#[derive(Debug, Clone)]
enum Edit {
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Replace(Index, u8),
    /// Copies a part to another place.
    Copy(Index, usize, Index),
    /// Inserts a part of another input.
    Splice(Index, Index, Index, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let bytes = prop_oneof![
        any::<char>().prop_map(|character| character.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 1..4),
        prop::sample::select(&b"@#:/;,=_\"\\[]. \t\r\n%-0"[..]).prop_map(|byte| vec![byte]),
    ];
    let place = any::<Index>;
    prop_oneof![
        (place(), bytes).prop_map(|(at, bytes)| Edit::Insert(at, bytes)),
        (place(), 1..8_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        (place(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        (place(), 1..40_usize, place()).prop_map(|(from, length, to)| Edit::Copy(from, length, to)),
        (place(), place(), place(), 1..40_usize)
            .prop_map(|(at, input, from, length)| Edit::Splice(at, input, from, length)),
    ]
}

fn part(bytes: &[u8], from: Index, length: usize) -> Vec<u8> {
    let start = from.index(bytes.len() + 1);
    bytes[start..].iter().take(length).copied().collect()
}

fn insert(bytes: &mut Vec<u8>, at: Index, inserted: Vec<u8>) {
    let at = at.index(bytes.len() + 1);
    bytes.splice(at..at, inserted);
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit, inputs: &[Vec<u8>]) {
    match edit {
        Edit::Insert(at, inserted) => insert(bytes, *at, inserted.clone()),
        Edit::Remove(at, length) => {
            let start = at.index(bytes.len() + 1);
            let end = bytes.len().min(start + length);
            bytes.drain(start..end);
        }
        Edit::Replace(at, byte) if !bytes.is_empty() => *at.get_mut(bytes) = *byte,
        Edit::Replace(..) => {}
        Edit::Copy(from, length, to) => {
            let copied = part(bytes, *from, *length);
            insert(bytes, *to, copied);
        }
        Edit::Splice(at, input, from, length) => {
            insert(bytes, *at, part(input.get::<Vec<u8>>(inputs), *from, *length));
        }
    }
}

/// A mutation of an input for this parser.
pub fn mutated(parser: &str) -> impl Strategy<Value = Vec<u8>> + use<> {
    let inputs: Vec<Vec<u8>> = read(parser).into_iter().map(|(_, input)| input).collect();
    (prop::sample::select(inputs.clone()), prop::collection::vec(edit(), 0..6)).prop_map(
        move |(mut bytes, edits)| {
            edits.iter().for_each(|edit| apply(&mut bytes, edit, &inputs));
            bytes
        },
    )
}
