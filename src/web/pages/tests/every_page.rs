//! Every page in every state.

use super::fixtures::{
    HOSTILE, counts, message, messages, name, no_messages, profile, render, signed_in, signed_out,
    site, token,
};
use crate::{
    domain::{ApiToken, Cursor, KeyCursor, Message, NameCursor, Page, Reply, ReplyTo, Tag, Thread},
    http::error_entry::ErrorEntry,
    service::NewToken,
    web::{
        links::SearchScope,
        pages::{
            ConfirmPage, Confirmation, DeleteAccountPage, DeletePage, Direction, EditPage,
            ErrorCodesPage, ErrorPage, Field, FollowStatus, FollowsPage, Frame, LoginPage,
            MessagePage, NewTokenPage, OpenGraph, PasswordForm, ProfileForm, RegisterPage,
            SearchPage, SettingsPage, SignInField, SignInForm, TagPage, TimelinePage, TokenForm,
            TokensPage, WrittenText,
        },
    },
};

/// The HTML of every page in every state, with hostile texts in place of all user input.
pub fn every_page() -> Vec<String> {
    let flashed = Frame {
        flashes: vec!["One".into(), HOSTILE.into()],
        warnings: vec![HOSTILE.into()],
        ..signed_in(HOSTILE)
    };
    let mut pages = Vec::new();
    for frame in [signed_out(), signed_in("bob"), flashed] {
        timelines(&frame, &mut pages);
        message_pages(&frame, &mut pages);
        people(&frame, &mut pages);
        searches(&frame, &mut pages);
        account_pages(&frame, &mut pages);
        pages.push(render(&ErrorCodesPage { frame: frame.clone(), codes: &[ERROR_CODE] }));
        for status in [400, 401, 403, 404, 405, 408, 413, 415, 429, 500, 503] {
            let page = ErrorPage::new(frame.clone(), status);
            pages.push(render(&page));
            pages.push(render(&page.with_text(HOSTILE).with_request_id(HOSTILE)));
        }
    }
    pages
}

const ERROR_CODE: ErrorEntry = ErrorEntry {
    code: "too-large",
    status: 413,
    title: HOSTILE,
    detail: HOSTILE,
    cause: HOSTILE,
    remedy: HOSTILE,
};

pub fn rejected() -> Field {
    Field { value: HOSTILE.into(), error: Some(HOSTILE.into()) }
}

fn timelines(frame: &Frame, pages: &mut Vec<String>) {
    for content in [no_messages(), messages(&[]), messages(&["a", HOSTILE])] {
        pages.push(render(&TimelinePage::public(frame.clone(), content.clone()).live()));
        for text in [Field::default(), rejected()] {
            let own = TimelinePage::own(frame.clone(), text, content.clone()).live();
            pages.push(render(&own));
            pages.push(render(&own.with_people_to_follow(&[profile("a"), profile(HOSTILE)])));
        }
        for status in [
            None,
            Some(FollowStatus::Yourself),
            Some(FollowStatus::Following),
            Some(FollowStatus::NotFollowing),
        ] {
            let author = (&profile(HOSTILE), counts());
            let page = TimelinePage::profile(frame.clone(), author, status, content.clone());
            let open_graph = OpenGraph::of_user(&site(), author.0);
            pages.push(render(&page.with_open_graph(open_graph)));
        }
    }
}

fn message_pages(frame: &Frame, pages: &mut Vec<String>) {
    for text in ["a", HOSTILE, "@a #b https://c.example/\"><b>"] {
        thread_pages(frame, text, pages);
        pages.push(render(&EditPage::new(frame.clone(), 7, Field::with_value(text))));
        pages.push(render(&DeletePage::new(frame.clone(), message(text))));
        let tag = Tag::parse("b").expect("a tag");
        pages.push(render(&TagPage::new(frame.clone(), &tag, messages(&[text]))));
        pages.push(render(&TagPage::new(frame.clone(), &tag, no_messages())));
    }
    pages.push(render(&EditPage::new(frame.clone(), 7, rejected())));
}

fn thread_pages(frame: &Frame, text: &str, pages: &mut Vec<String>) {
    let reply_to = |author: Option<&str>| Some(ReplyTo { id: 6, author: author.map(name) });
    let answer = |id: i64, author| Message { id, in_reply_to: reply_to(author), ..message(text) };
    let reply = |id: i64, depth| {
        let message = answer(id, Some(HOSTILE));
        Reply { message, depth, has_more: depth == 2 }
    };
    let no_replies = || Page { items: Vec::new(), next: None };
    let next = Some(Cursor::new(message(text).published_at, 7));
    let replies = Page { items: vec![reply(21, 0), reply(22, 1), reply(23, 2)], next };
    let above = |count: i64| (100..100 + count).map(|id| answer(id, None)).collect();
    for (parents, message, replies) in [
        (Vec::new(), message(text), no_replies()),
        (Vec::new(), answer(7, None), no_replies()),
        (above(1), answer(7, Some(HOSTILE)), replies.clone()),
        (above(20), answer(7, Some(HOSTILE)), replies),
    ] {
        let thread = Thread { parents, message, replies };
        let page = || MessagePage::new(frame.clone(), &site(), thread.clone());
        pages.push(render(&page()));
        pages.push(render(&page().with_reply(rejected())));
    }
    let list = Page { items: vec![answer(7, Some(HOSTILE)), answer(8, None)], next: None };
    pages.push(render(&TimelinePage::public(frame.clone(), list)));
}

fn people(frame: &Frame, pages: &mut Vec<String>) {
    let next = Cursor::new(message("a").published_at, 7);
    for direction in [Direction::Followers, Direction::Following] {
        for (is_first_page, content) in [
            (true, Page { items: Vec::new(), next: None }),
            (false, Page { items: vec![profile("a"), profile(HOSTILE)], next: Some(next) }),
        ] {
            let owner = name(HOSTILE);
            let frame = frame.clone();
            let page = FollowsPage::new(frame, &owner, direction, is_first_page, content);
            pages.push(render(&page));
        }
    }
}

fn searches(frame: &Frame, pages: &mut Vec<String>) {
    for scope in [SearchScope::Messages, SearchScope::People] {
        let form = || SearchPage::new(frame.clone(), HOSTILE, scope);
        pages.push(render(&SearchPage::new(frame.clone(), "", scope)));
        pages.push(render(&form().with_error(HOSTILE.to_owned())));
        for content in [no_messages(), messages(&["a", HOSTILE])] {
            pages.push(render(&form().with_messages(content)));
        }
        let found = Page { items: vec![profile(HOSTILE)], next: Some(NameCursor::new(&name("b"))) };
        for content in [Page { items: Vec::new(), next: None }, found] {
            pages.push(render(&form().with_people(false, content)));
        }
    }
}

fn account_pages(frame: &Frame, pages: &mut Vec<String>) {
    let frame = || frame.clone();
    for error in [None, Some(HOSTILE.to_owned())] {
        let username = HOSTILE.to_owned();
        let written = || WrittenText {
            action: HOSTILE.to_owned(),
            text: HOSTILE.to_owned(),
            key: HOSTILE.to_owned(),
        };
        for focus in [SignInField::Username, SignInField::Password] {
            let sign_in = || SignInForm {
                error: error.clone(),
                username: username.clone(),
                focus: Some(focus),
                next: Some(HOSTILE.to_owned()),
                written: Some(written()),
            };
            pages.push(render(&LoginPage { frame: frame(), sign_in: sign_in() }));
            pages.push(render(&ErrorPage::new(frame(), 401).with_sign_in(sign_in())));
        }
        pages.push(render(&ErrorPage::new(frame(), 503).with_written(written())));
        pages.push(render(&RegisterPage {
            frame: frame(),
            error,
            username: rejected(),
            email: rejected(),
            password: Field::rejected(HOSTILE),
            password_hint: HOSTILE.into(),
            password2: Field::rejected(HOSTILE),
        }));
    }
    for change in [Confirmation::Follow, Confirmation::Unfollow, Confirmation::SignOut] {
        let page = ConfirmPage::new(frame(), change, Some(HOSTILE.to_owned()), HOSTILE.to_owned());
        pages.push(render(&page));
    }
    let profile = ProfileForm { display_name: rejected(), bio: rejected(), email: rejected() };
    let password = || Field::rejected(HOSTILE);
    let passwords = PasswordForm { current: password(), new: password(), repeated: password() };
    let form = TokenForm {
        name: rejected(),
        days: 90,
        choices: &[7, 90],
        scopes: "read".to_owned(),
        scope_choices: TokenForm::SCOPES,
        password: password(),
    };
    let tokens = Page { items: vec![token()], next: Some(KeyCursor(7)) };
    let new_token = NewToken { secret: ApiToken::new([7; 32]), record: token() };
    pages.extend([
        render(&SettingsPage { frame: frame(), ..SettingsPage::default() }),
        render(&SettingsPage {
            frame: frame(),
            profile,
            password: passwords,
            password_hint: HOSTILE.into(),
        }),
        render(&TokensPage::new(frame(), form, tokens)),
        render(&NewTokenPage::new(frame(), &new_token)),
        render(&DeleteAccountPage { frame: frame(), ..DeleteAccountPage::default() }),
        render(&DeleteAccountPage { frame: frame(), password: password() }),
    ]);
}
