//! No two source files import each other, directly or through other files.
//!
//! A file imports another one if one of its paths leads to an item that the other file defines. `mod x;` is not an import.
//! A path through a re-export leads to the file with the definition.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proc_macro2::{TokenStream, TokenTree};

use crate::support::source::{self, SourceFile};

/// The source directory of each crate.
const CRATES: &[&str] = &[
    "src",
    "crates/child-process/src",
    "crates/embedded-postgres/src",
    "crates/listener/src",
    "crates/legacy-data/src",
    "crates/models/src",
    "crates/pgbackrest/src",
    "crates/simulator/src",
    "benches/speed",
];
/// The keywords that precede the name of a definition.
const DEFINES: &[&str] = &["struct", "enum", "union", "trait", "type", "fn", "const", "static"];

type Module = Vec<String>;

/// The paths and the definitions in one file.
struct File {
    paths: Vec<Module>,
    definitions: BTreeSet<String>,
}

fn module(root: &str, path: &str) -> Module {
    let inner = path.strip_prefix(root).expect("below the root").trim_start_matches('/');
    let inner = inner.trim_end_matches(".rs").trim_end_matches("mod").trim_end_matches('/');
    if ["lib", "main", ""].contains(&inner) {
        return Vec::new();
    }
    inner.split('/').map(str::to_owned).collect()
}

/// Collects the names that these tokens define, at any depth.
fn definitions(tokens: &TokenStream, found: &mut BTreeSet<String>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (at, tree) in trees.iter().enumerate() {
        match (tree, trees.get(at + 1), trees.get(at + 2)) {
            (TokenTree::Group(group), ..) => definitions(&group.stream(), found),
            (TokenTree::Ident(keyword), Some(TokenTree::Ident(name)), _)
                if DEFINES.iter().any(|it| keyword == it) =>
            {
                found.insert(name.to_string());
            }
            (TokenTree::Ident(keyword), _, Some(TokenTree::Ident(name)))
                if keyword == "macro_rules" =>
            {
                found.insert(name.to_string());
            }
            _ => {}
        }
    }
}

fn read(file: &SourceFile, here: &[String]) -> File {
    let mut names = BTreeSet::new();
    definitions(&file.tokens, &mut names);
    let paths = source::paths(&file.tokens).into_iter().filter_map(|path| {
        let mut full: Module = [here, &path.inline_module].concat();
        let mut segments = path.segments.iter().map(String::as_str).peekable();
        match segments.peek().copied()? {
            "crate" => full.clear(),
            // In src/main.rs, the library of this package; elsewhere, another crate.
            "minitwit" if file.path.starts_with("src/") => full.clear(),
            "minitwit" => return None,
            "super" => {}
            "self" => drop(segments.next()),
            _ if path.segments.len() > 1 => {}
            _ => return None,
        }
        for segment in segments {
            match segment {
                "super" => drop(full.pop()),
                "crate" | "minitwit" => {}
                name => full.push(name.to_owned()),
            }
        }
        Some(full)
    });
    File { paths: paths.collect(), definitions: names }
}

/// The file that defines the item at the end of a path; `None` outside this crate.
fn target(files: &HashMap<Module, File>, path: &[String], depth: usize) -> Option<Module> {
    let known = (0..=path.len()).rev().find(|length| files.contains_key(&path[..*length]))?;
    let (module, rest) = (path[..known].to_vec(), &path[known..]);
    let Some(name) = rest.first() else { return Some(module) };
    let file = &files[&module];
    if file.definitions.contains(name) || depth == 0 {
        return Some(module);
    }
    let import = file.paths.iter().find(|it| it.last() == Some(name) && it.as_slice() != path);
    match import {
        Some(import) => target(files, import, depth - 1),
        // A macro or another crate defines the name.
        None => Some(module),
    }
}

/// Groups of modules that import each other.
fn circles(files: &HashMap<Module, File>) -> Vec<Vec<String>> {
    let mut reached: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
    for (module, file) in files {
        let own = |target: &Module| target != module;
        let leads = |path: &Module| path.len() > 1 || files.contains_key(path);
        // A path into another crate resolves to this file, and `own` drops it.
        let targets = file.paths.iter().filter(|path| leads(path));
        let targets = targets.filter_map(|path| target(files, path, 8)).filter(own).collect();
        reached.insert(module, targets);
    }
    // The transitive closure, by repetition: the graph has some hundred nodes.
    loop {
        let mut grown = false;
        for module in reached.keys().copied().collect::<Vec<_>>() {
            let next: BTreeSet<Module> =
                reached[module].iter().flat_map(|it| reached[it].iter().cloned()).collect();
            let all = reached.get_mut(module).expect("a key");
            let before = all.len();
            all.extend(next);
            grown |= all.len() > before;
        }
        if !grown {
            break;
        }
    }
    let mut found = BTreeSet::new();
    for (module, targets) in &reached {
        if targets.contains(*module) {
            let circle = targets.iter().filter(|it| reached[it].contains(*module));
            found.insert(circle.map(|it| it.join("::")).collect::<Vec<_>>());
        }
    }
    found.into_iter().collect()
}

fn files_of(root: &str) -> HashMap<Module, File> {
    let files = source::files_below(root);
    let read = |file: &SourceFile| {
        let module = module(root, &file.path);
        let content = read(file, &module);
        (module, content)
    };
    files.iter().map(read).collect()
}

#[test]
fn no_two_files_import_each_other() {
    let found: Vec<String> = CRATES
        .iter()
        .flat_map(|root| circles(&files_of(root)).into_iter().map(move |it| (root, it)))
        .map(|(root, circle)| format!("{root}: {}", circle.join(", ")))
        .collect();
    assert!(found.is_empty(), "circles:\n{}", found.join("\n"));
}

#[test]
fn circles_are_found_through_reexports_and_other_files() {
    let sources = |sources: &[(&str, &str)]| -> HashMap<Module, File> {
        let read = |(path, text): &(&str, &str)| {
            let tokens = text.parse().expect("tokens");
            let module = module("src", path);
            let content = read(&SourceFile { path: (*path).to_owned(), tokens }, &module);
            (module, content)
        };
        sources.iter().map(read).collect()
    };
    for (case, circle) in [
        // Through another file.
        (
            &[
                ("src/a.rs", "use crate::b::B; pub struct A;"),
                ("src/b.rs", "use crate::c::C; pub struct B;"),
                ("src/c.rs", "fn f(a: super::a::A) {} pub struct C;"),
            ][..],
            Some("a, b, c"),
        ),
        // A child that uses what its parent defines, and a parent that uses its child.
        (
            &[
                ("src/p/mod.rs", "mod child; use child::C; pub struct P;"),
                ("src/p/child.rs", "use super::P; pub struct C;"),
            ],
            Some("p, p::child"),
        ),
        // A re-export leads to the file of the definition.
        (
            &[
                ("src/p/mod.rs", "mod x; mod y; pub use x::X; pub use y::Y;"),
                ("src/p/x.rs", "pub struct X;"),
                ("src/p/y.rs", "use super::X; pub struct Y;"),
            ],
            None,
        ),
        (
            &[
                ("src/a.rs", "use crate::b::B; pub struct A; mod tests { use super::*; }"),
                ("src/b.rs", "pub struct B;"),
            ],
            None,
        ),
    ] {
        let found = circles(&sources(case));
        let found: Vec<String> = found.iter().map(|it| it.join(", ")).collect();
        assert_eq!(found, circle.iter().map(ToString::to_string).collect::<Vec<_>>(), "{case:?}");
    }
}
