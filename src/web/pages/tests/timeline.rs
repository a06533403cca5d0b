//! Timelines: the box, how the viewer stands to a profile, the messages and the way to older ones.

use super::*;

#[test]
fn only_the_viewers_own_timeline_has_a_box_to_write_in() {
    let mine = rendered(&TimelinePage::mine(signed_in("bob"), Compose::default(), nothing()));
    assert_contains(
        &mine,
        &[
            "<div class=\"twitbox\">",
            "<form action=\"/add_message\" method=\"post\">",
            "<input type=\"submit\" value=\"Share\">",
        ],
    );
    assert_eq!(inputs(&mine), ["text", "submit"]);
    let public = rendered(&TimelinePage::public(signed_in("bob"), nothing()));
    assert!(!public.contains("twitbox"));
}

#[test]
fn a_profile_says_how_the_viewer_stands_to_it() {
    let page = |status| {
        let owner = (&profile("Roger Histand"), counts(0));
        rendered(&TimelinePage::profile(signed_in("bob"), owner, status, nothing()))
    };
    for (status, parts) in [
        (FollowStatus::Yourself, ["<div class=\"followstatus\">", "This is you!"]),
        (
            FollowStatus::Following,
            [
                "You are currently following this user.",
                "<form method=\"post\" action=\"/Roger%20Histand/unfollow\"><button class=\"unfollow\">Unfollow user</button></form>",
            ],
        ),
        (
            FollowStatus::NotFollowing,
            [
                "You are not yet following this user.",
                "<form method=\"post\" action=\"/Roger%20Histand/follow\"><button class=\"follow\">Follow user</button></form>",
            ],
        ),
    ] {
        assert_contains(&page(Some(status)), &parts);
    }
    assert!(!page(None).contains("followstatus"));
}

#[test]
fn each_message_is_one_item_with_author_text_and_time() {
    let html = rendered(&TimelinePage::public(signed_out(), messages(&["first", " two\nlines "])));
    assert_contains(
        &html,
        &[
            "<ul class=\"messages\">",
            "<img src=\"/avatar/Roger%20Histand\" alt=\"\" width=\"48\" height=\"48\" loading=\"lazy\">",
            "<strong><a href=\"/Roger%20Histand\">Roger Histand</a></strong>",
            ">first</p>",
            "> two\nlines </p>",
            "<small>&mdash; <a href=\"/message/7\"><time datetime=\"2020-02-21T00:01:02Z\">2020-02-21 @ 00:01</time></a></small>",
            "<li id=\"message-7\"><img ",
            "<li id=\"message-8\"><img ",
        ],
    );
    assert_eq!(html.matches("<li id=").count(), 2);
    assert!(!html.contains("There's no message so far."));

    let empty = rendered(&TimelinePage::public(signed_out(), nothing()));
    assert_contains(&empty, &["<li><em>There's no message so far.</em></li>"]);
}

#[test]
fn the_link_to_older_messages_is_there_when_there_are_some() {
    let cursor = "before=1582243262500000_7";
    let owner = profile("a b");
    for (html, path) in [
        (rendered(&TimelinePage::public(signed_out(), messages(&["a"]))), "/public"),
        (
            rendered(&TimelinePage::mine(signed_in("bob"), Compose::default(), messages(&["a"]))),
            "/",
        ),
        (
            rendered(&TimelinePage::profile(
                signed_out(),
                (&owner, counts(0)),
                None,
                messages(&["a"]),
            )),
            "/a%20b",
        ),
    ] {
        let link = format!("<a href=\"{path}?{cursor}\" rel=\"next\">Older messages</a>");
        assert_contains(&html, &[&link]);
    }
    let last = rendered(&TimelinePage::public(signed_out(), nothing()));
    assert!(!last.contains("Older messages"));
}
