//! Reads the source code as tokens, for tests of its structure.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};

/// Keywords that may precede a path that begins with `::`.
const KEYWORDS: &[&str] =
    &["use", "as", "dyn", "impl", "for", "in", "return", "match", "if", "mut"];

pub struct SourceFile {
    /// The path below the repository, such as `src/db/pool.rs`.
    pub path: String,
    pub tokens: TokenStream,
}

pub fn files() -> Vec<SourceFile> {
    files_below("src")
}

pub fn files_below(directory: &str) -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut directories = vec![root.join(directory)];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(read(root, &path));
            }
        }
    }
    found
}

fn read(root: &Path, path: &Path) -> SourceFile {
    let text = fs::read_to_string(path).expect("a text");
    let relative: PathBuf = path.strip_prefix(root).expect("below the root").into();
    let path = relative.to_str().expect("a path of ASCII").to_owned();
    let tokens = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    SourceFile { path, tokens }
}

/// A path in the source, such as `crate::db::Error`. Each item of a `use` group is a separate path.
#[derive(Debug, Clone)]
pub struct SourcePath {
    /// The inline modules that contain the path, such as `["tests"]`.
    pub inline_module: Vec<String>,
    pub segments: Vec<String>,
    pub line: usize,
}

/// Every path in these tokens, including single names and paths within macros and attributes.
pub fn paths(tokens: &TokenStream) -> Vec<SourcePath> {
    let mut found = Vec::new();
    walk(tokens, &[], &mut found);
    found
}

fn walk(tokens: &TokenStream, inline_module: &[String], found: &mut Vec<SourcePath>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        match tree {
            TokenTree::Ident(name) if name == "mod" => {
                at += 1 + walk_inline_module(&trees[at + 1..], inline_module, found);
            }
            // `pub(super)` and `pub(in …)` are visibilities, not imports.
            TokenTree::Ident(name) if name == "pub" => {
                let restricted = matches!(trees.get(at + 1), Some(TokenTree::Group(group))
                    if group.delimiter() == Delimiter::Parenthesis);
                at += if restricted { 2 } else { 1 };
            }
            TokenTree::Ident(name) if KEYWORDS.contains(&name.to_string().as_str()) => at += 1,
            TokenTree::Ident(name) => {
                at += read_path(&trees[at..], &[], name.span(), inline_module, found);
            }
            TokenTree::Group(group) => {
                walk(&group.stream(), inline_module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Walks through `name {…}`. Returns the number of tokens; 0 for `name;`.
fn walk_inline_module(
    trees: &[TokenTree],
    inline_module: &[String],
    found: &mut Vec<SourcePath>,
) -> usize {
    let [TokenTree::Ident(name), TokenTree::Group(body), ..] = trees else { return 0 };
    let inner = [inline_module, &[name.to_string()]].concat();
    walk(&body.stream(), &inner, found);
    2
}

/// Reads the path at the beginning of `trees`. Returns its number of tokens.
fn read_path(
    trees: &[TokenTree],
    prefix: &[String],
    span: Span,
    inline_module: &[String],
    found: &mut Vec<SourcePath>,
) -> usize {
    let mut segments = prefix.to_vec();
    let mut at = 0;
    loop {
        match trees.get(at) {
            Some(TokenTree::Ident(name)) => segments.push(plain(name)),
            Some(TokenTree::Group(group)) if at > 0 => {
                read_use_group(&group.stream(), &segments, inline_module, found);
                return at + 1;
            }
            // `::*`, or `::<` before generic arguments.
            _ => break,
        }
        at += 1;
        if !is_separator(&trees[at..]) {
            break;
        }
        at += 2;
    }
    let line = span.start().line;
    found.push(SourcePath { inline_module: inline_module.to_vec(), segments, line });
    at
}

fn read_use_group(
    tokens: &TokenStream,
    prefix: &[String],
    inline_module: &[String],
    found: &mut Vec<SourcePath>,
) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for item in
        trees.split(|tree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ','))
    {
        if let Some(first) = item.first() {
            read_path(item, prefix, first.span(), inline_module, found);
        }
    }
}

fn is_separator(trees: &[TokenTree]) -> bool {
    let is_colon =
        |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ':');
    matches!(trees, [first, second, ..] if is_colon(first) && is_colon(second))
}

fn plain(name: &Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

/// The first string literal in each call of one of these macros.
///
/// # Panics
/// If a string that is not raw contains an escape.
pub fn macro_strings(tokens: &TokenStream, macros: &[&str]) -> Vec<String> {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut found = Vec::new();
    for (at, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        found.extend(macro_strings(&group.stream(), macros));
        if let [.., TokenTree::Ident(name), TokenTree::Punct(mark)] = &trees[..at]
            && mark.as_char() == '!'
            && macros.iter().any(|wanted| name == wanted)
            && let Some(text) = group.stream().into_iter().find_map(literal)
        {
            found.push(string(&text.to_string()));
        }
    }
    found
}

fn literal(tree: TokenTree) -> Option<proc_macro2::Literal> {
    if let TokenTree::Literal(text) = tree { Some(text) } else { None }
}

fn string(literal: &str) -> String {
    let raw = literal.starts_with('r');
    assert!(raw || !literal.contains('\\'), "must be a raw string: {literal}");
    let quoted = literal.trim_start_matches('r').trim_matches('#');
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).expect("a string").to_owned()
}
