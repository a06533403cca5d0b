//! Reads the routes of the pages from the source.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};

use crate::support::source;

/// The routes in `src/web/mod.rs`.
pub fn page_routes() -> BTreeSet<String> {
    let files = source::files();
    let file = files.iter().find(|file| file.path == "src/web/mod.rs").expect("the routes");
    let mut found = BTreeSet::new();
    routes_in(&file.tokens, &mut found);
    found
}

/// Adds the first argument of each `at("…", …)`.
fn routes_in(tokens: &TokenStream, found: &mut BTreeSet<String>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (place, tree) in trees.iter().enumerate() {
        let TokenTree::Group(group) = tree else { continue };
        routes_in(&group.stream(), found);
        let called = place.checked_sub(1).map(|before| trees[before].to_string());
        let arguments: Vec<TokenTree> = group.stream().into_iter().collect();
        if called.as_deref() == Some("at")
            && let [TokenTree::Literal(path), ..] = &arguments[..]
        {
            found.insert(minitwit::web::route_template(path.to_string().trim_matches('"')));
        }
    }
}
