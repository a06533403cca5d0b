//! Rebuilds the crate when a file that it embeds changes; the macros that embed them do not ask for it.

fn main() {
    for embedded in ["migrations", "templates", "static"] {
        println!("cargo:rerun-if-changed={embedded}");
    }
}
