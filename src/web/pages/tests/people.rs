//! Profiles, lists of people, and what a search finds.

use super::*;
use crate::{
    domain::{NameCursor, Page},
    web::links::SearchScope,
};

fn crowd(names: &[&str]) -> Page<Profile> {
    let next = Some(Cursor::new(datetime!(2020-02-21 00:01:02.5 UTC), 7));
    Page { items: names.iter().map(|name| profile(name)).collect(), next }
}

fn nobody<C>() -> Page<Profile, C> {
    Page { items: Vec::new(), next: None }
}

/// Each page, in each state.
pub(super) fn pages(frame: &Frame) -> Vec<String> {
    let mut pages = Vec::new();
    for direction in [Direction::Followers, Direction::Following] {
        for (later, content) in [(false, nobody()), (true, crowd(&["a", HOSTILE]))] {
            let owner = name(HOSTILE);
            let page = FollowsPage::new(frame.clone(), &owner, direction, later, content);
            pages.push(rendered(&page));
        }
    }
    for sought in [SearchScope::Messages, SearchScope::People] {
        let form = || SearchPage::new(frame.clone(), HOSTILE, sought);
        pages.push(rendered(&SearchPage::new(frame.clone(), "", sought)));
        pages.push(rendered(&form().with_error(HOSTILE.to_owned())));
        for content in [nothing(), messages(&["a", HOSTILE])] {
            pages.push(rendered(&form().with_messages(content)));
        }
        let some = Page { items: vec![profile(HOSTILE)], next: Some(NameCursor::new(&name("b"))) };
        for content in [nobody(), some] {
            pages.push(rendered(&form().with_people(true, content)));
        }
    }
    pages
}

#[test]
fn a_profile_tells_of_its_owner() {
    let frame = signed_out();
    let owner = Profile {
        display_name: Some(DisplayName::from_stored("Roger H.".to_owned())),
        bio: Some(Bio::from_stored("two\nlines".to_owned())),
        ..profile("Roger Histand")
    };
    let counts = Counts { messages: 1, followers: 1_234, following: 0 };
    let html = rendered(&TimelinePage::profile(frame.clone(), (&owner, counts), None, nothing()));
    assert_contains(
        &html,
        &[
            "<h2>Roger Histand's Timeline</h2>\n<p class=\"called\" dir=\"auto\">Roger H.</p>",
            "<p class=\"bio\" dir=\"auto\">two\nlines</p>",
            "<li>1 message</li>",
            "<a href=\"/Roger%20Histand/followers\">1,234 followers</a>",
            "<a href=\"/Roger%20Histand/following\">0 following</a>",
            "joined <time datetime=\"2020-02-01\">1 February 2020</time>",
        ],
    );
    let silent = Profile { display_name: None, bio: None, ..owner };
    let html = rendered(&TimelinePage::profile(frame, (&silent, counts), None, nothing()));
    assert!(!html.contains("\"called\"") && !html.contains("\"bio\""), "{html}");
}

#[test]
fn a_list_of_people_links_to_each_and_to_its_other_pages() {
    let owner = name("a b");
    let page = |later, content| {
        rendered(&FollowsPage::new(signed_out(), &owner, Direction::Followers, later, content))
    };
    let html = page(true, crowd(&["Roger Histand"]));
    assert_contains(
        &html,
        &[
            "<h2>Followers of a b</h2>",
            "<a href=\"/a%20b\">Messages</a>",
            "<a href=\"/a%20b/followers\" aria-current=\"page\">Followers</a>",
            "<a href=\"/a%20b/following\">Following</a>",
            "<strong><a href=\"/Roger%20Histand\">Roger Histand</a></strong>",
            "<bdi class=\"called\">Roger Histand</bdi>",
            "<a href=\"/a%20b/followers\">Back to the first page</a>",
            "<a href=\"/a%20b/followers?before=1582243262500000_7\" rel=\"next\">More people</a>",
        ],
    );
    assert!(!page(false, crowd(&["a"])).contains("first page"));
    assert!(!page(false, nobody()).contains("pagination"));
}

#[test]
fn an_empty_list_says_of_whom_it_is() {
    for (direction, text) in [
        (Direction::Followers, "Nobody follows O&#39;Brien yet."),
        (Direction::Following, "O&#39;Brien follows nobody yet."),
    ] {
        let owner = name("O'Brien");
        let page = FollowsPage::new(signed_out(), &owner, direction, false, nobody());
        assert_contains(&rendered(&page), &[&format!("<li><em>{text}</em></li>")]);
    }
}

#[test]
fn a_search_keeps_its_words_in_the_form_and_in_every_link() {
    let form = |sought| SearchPage::new(signed_out(), "a&b \"c\"", sought);
    let html = rendered(&form(SearchScope::Messages).with_messages(messages(&["found"])));
    assert_eq!(inputs(&html), ["q", "in", "submit"]);
    assert_contains(
        &html,
        &[
            "name=\"q\" value=\"a&amp;b &#34;c&#34;\"",
            "<a href=\"/search?q=a%26b%20%22c%22&amp;in=messages\" aria-current=\"page\">Messages</a>",
            "<a href=\"/search?q=a%26b%20%22c%22&amp;in=people\">People</a>",
            "<a href=\"/search?q=a%26b%20%22c%22&amp;in=messages&amp;before=1582243262500000_7\" rel=\"next\">Older messages</a>",
        ],
    );
    let found = Page { items: vec![profile("ann")], next: Some(NameCursor::new(&name("ann"))) };
    let html = rendered(&form(SearchScope::People).with_people(false, found));
    assert_contains(
        &html,
        &["<a href=\"/search?q=a%26b%20%22c%22&amp;in=people&amp;before=YW5u\" rel=\"next\">"],
    );
}
