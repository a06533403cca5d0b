//! What a message leads to: its author's forms, and what it refers to.

use super::*;

#[test]
fn a_message_says_when_it_was_edited() {
    let mut edited = messages(&["first"]);
    edited.items[0].edited_at = Some(datetime!(2020-03-01 09:05 UTC));
    let html = rendered(&TimelinePage::public(signed_out(), edited));
    assert_contains(
        &html,
        &["</time></a> <span class=\"edited\" title=\"2020-03-01 @ 09:05\">edited</span></small>"],
    );
}

#[test]
fn only_the_author_finds_links_to_edit_and_delete() {
    let links = "<div class=\"own\"><a href=\"/message/7/edit\">Edit</a> <a href=\"/message/7/delete\">Delete</a></div></li>";
    for (frame, own) in
        [(signed_in("Roger Histand"), true), (signed_in("bob"), false), (signed_out(), false)]
    {
        let html = rendered(&TimelinePage::public(frame, messages(&["first"])));
        assert_eq!(html.contains(links), own, "{html}");
        assert_eq!(html.contains("Delete"), own, "{html}");
    }
}

#[test]
fn what_a_message_refers_to_is_linked_and_links_out_are_marked() {
    let html = rendered(&TimelinePage::public(
        signed_out(),
        messages(&["@bob: #Rust at https://c.example/?a&b."]),
    ));
    assert_contains(
        &html,
        &["<p dir=\"auto\"><a href=\"/bob\">@bob</a>: <a href=\"/tag/Rust\">#Rust</a> at \
           <a href=\"https://c.example/?a&amp;b\" rel=\"nofollow ugc noopener\">https://c.example/?a&amp;b</a>.</p>"],
    );
}

#[test]
fn the_form_to_delete_has_all_that_it_needs() {
    let message = messages(&["a"]).items.remove(0);
    let html = rendered(&DeletePage::new(signed_in("Roger Histand"), message));
    assert_contains(
        &html,
        &[
            "<form class=\"card\" action=\"/message/7/delete\" method=\"post\">\n<p>Do you want",
            "<blockquote dir=\"auto\">a</blockquote>",
            "<input class=\"danger\" type=\"submit\" value=\"Delete\"></div>\n</form>",
        ],
    );
}
