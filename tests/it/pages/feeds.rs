//! Atom feeds, and the metadata for other sites.

use reqwest::{Method, header};
use roxmltree::{Document, Node};

use crate::support::{App, AppSettings, actors::TestResponse, cluster::TestDatabase};

const ATOM: &str = "http://www.w3.org/2005/Atom";

/// The texts of the children with this name.
fn texts<'a>(node: Node<'a, '_>, name: &str) -> Vec<&'a str> {
    let children = node.children().filter(|it| it.has_tag_name((ATOM, name)));
    children.map(|it| it.text().unwrap_or_default()).collect()
}

/// The targets of the links with this relation.
fn links<'a>(node: Node<'a, '_>, relation: &str) -> Vec<&'a str> {
    let links = node.children().filter(|it| it.has_tag_name((ATOM, "link")));
    let of_relation = links.filter(|it| it.attribute("rel") == Some(relation));
    of_relation.map(|it| it.attribute("href").expect("an address")).collect()
}

/// Checks what RFC 4287 requires of a feed and its entries; returns the texts of the messages.
fn contents(feed: &TestResponse) -> Vec<String> {
    assert_eq!(feed.status, 200, "{feed:?}");
    assert_eq!(feed.header("content-type"), "application/atom+xml; charset=utf-8");
    let document = Document::parse(&feed.body).expect("well-formed");
    let root = document.root_element();
    assert!(root.has_tag_name((ATOM, "feed")), "{feed:?}");
    let entries: Vec<_> = root.children().filter(|it| it.has_tag_name((ATOM, "entry"))).collect();
    let mut ids = texts(root, "id");
    for node in [root].iter().chain(&entries) {
        for name in ["id", "title", "updated"] {
            assert_eq!(texts(*node, name).len(), 1, "{name}: {feed:?}");
        }
        assert_eq!(links(*node, "alternate").len(), 1, "{feed:?}");
    }
    assert_eq!(links(root, "self").len(), 1, "{feed:?}");
    for entry in &entries {
        assert_eq!((texts(*entry, "author").len(), texts(*entry, "published").len()), (1, 1));
        ids.extend(texts(*entry, "id"));
    }
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "ids must be unique: {feed:?}");
    entries.iter().flat_map(|it| texts(*it, "content")).map(str::to_owned).collect()
}

/// Applies `find` to the root element of the feed.
fn within<T>(feed: &TestResponse, find: impl FnOnce(Node) -> T) -> T {
    find(Document::parse(&feed.body).expect("well-formed").root_element())
}

#[tokio::test]
async fn a_feed_has_the_messages_of_its_timeline() {
    let app = App::start().await;
    let simulator = app.simulator();
    for name in ["Ada \"C\" O'Brien", "李"] {
        simulator.register(name).await;
        simulator.tweet(name, "<b>&amp;</b>\n\u{1}\u{FFFE}🦀").await;
    }
    let anonymous = app.anonymous();
    let cleaned = "<b>&amp;</b>\n\u{FFFD}\u{FFFD}🦀";
    assert_eq!(contents(&anonymous.get("/public.atom").await), [cleaned; 2]);
    let feed = anonymous.get("/Ada%20%22C%22%20O%27Brien.atom").await;
    assert_eq!(contents(&feed), [cleaned]);
    within(&feed, |root| {
        assert_eq!(texts(root, "title"), ["MiniTwit: Ada \"C\" O'Brien's Timeline"]);
        let path = app.url("/Ada%20%22C%22%20O%27Brien");
        assert_eq!(links(root, "self"), [format!("{path}.atom")]);
        assert_eq!(links(root, "alternate"), [path]);
    });
    assert_eq!(contents(&anonymous.get("/%E6%9D%8E.atom").await), [cleaned]);
}

#[tokio::test]
async fn a_feed_links_to_older_messages() {
    let app = App::start().await;
    let simulator = app.simulator();
    simulator.register("Milada").await;
    for number in 1..=31 {
        simulator.tweet("Milada", &format!("message {number}")).await;
    }
    for path in ["/public.atom", "/Milada.atom"] {
        let feed = app.anonymous().get(path).await;
        assert_eq!(contents(&feed).len(), 30, "{path}");
        let next = within(&feed, |root| links(root, "next").concat());
        let older = app.anonymous().get(next.strip_prefix(&app.url("")).expect("absolute")).await;
        assert_eq!(contents(&older), ["message 1"], "{path}");
        assert!(within(&older, |root| links(root, "next").is_empty()), "{path}");
        assert_eq!(within(&older, |root| links(root, "self").concat()), next);
    }
}

#[tokio::test]
async fn a_feed_without_messages_is_empty_and_an_unknown_user_has_none() {
    let app = App::start().await;
    app.anonymous().sign_up("Milada").await;
    for path in ["/public.atom", "/Milada.atom"] {
        assert!(contents(&app.anonymous().get(path).await).is_empty(), "{path}");
    }
    app.anonymous().get("/unknown.atom").await.says("There is no user named unknown.");
    assert_eq!(app.anonymous().get("/public.atom?before=x").await.status, 400);
}

#[tokio::test]
async fn an_unchanged_feed_gets_304() {
    let app = App::start().await;
    let milada = app.signed_in("Milada").await;
    milada.say("first").await;
    for path in ["/public.atom", "/Milada.atom"] {
        let feed = app.anonymous().get(path).await;
        assert_eq!(feed.header("cache-control"), "no-cache");
        let request = app.anonymous().request(Method::GET, path);
        let again =
            TestResponse::of(request.header(header::IF_NONE_MATCH, feed.header("etag"))).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
    let first = app.anonymous().get("/public.atom").await;
    milada.say("second").await;
    let since = |known: &TestResponse| {
        let request = app.anonymous().request(Method::GET, "/public.atom");
        request.header(header::IF_NONE_MATCH, known.header("etag"))
    };
    let changed = TestResponse::of(since(&first)).await;
    assert_eq!(contents(&changed), ["second", "first"]);
    // A deleted message is a change, too.
    app.execute("DELETE FROM messages WHERE text = 'first'").await;
    assert_eq!(contents(&TestResponse::of(since(&changed)).await), ["second"]);
}

#[tokio::test]
async fn urls_have_the_requested_origin_and_ids_do_not_depend_on_it() {
    let proxied = |settings: &mut AppSettings| {
        let network = "127.0.0.0/8".parse().expect("a network");
        settings.server.trusted_proxies =
            minitwit::http::middleware::trusted_proxies::TrustedProxies::new(&[network]);
    };
    let app = App::start_with(TestDatabase::fresh().await, proxied).await;
    app.signed_in("Milada").await.say("hello").await;
    let by = async |scheme: &str, host: &str| {
        let request = app.anonymous().request(Method::GET, "/public.atom");
        let request = request.header("x-forwarded-proto", scheme);
        let feed = TestResponse::of(request.header("x-forwarded-host", host)).await;
        assert_eq!(contents(&feed), ["hello"]);
        let address = within(&feed, |root| links(root, "self").concat());
        assert_eq!(address, format!("{scheme}://{host}/public.atom"));
        within(&feed, |root| {
            let ids = root.descendants().filter(|it| it.has_tag_name((ATOM, "id")));
            ids.map(|it| it.text().expect("an id").to_owned()).collect::<Vec<_>>()
        })
    };
    let ids = by("https", "example.org").await;
    assert_eq!(ids[0], "tag:example.org,2026:/public");
    assert!(ids[1].starts_with("tag:example.org,2026:/message/"), "{ids:?}");
    assert_eq!(by("http", "example.org:8080").await, ids);
}

#[tokio::test]
async fn pages_link_to_feeds_and_profiles_have_open_graph_metadata() {
    let app = App::start().await;
    app.signed_in("Ada & co").await.say("hello").await;
    let anonymous = app.anonymous();
    anonymous.get("/public").await.says(
        "<link rel=\"alternate\" type=\"application/atom+xml\" title=\"Public Timeline\" href=\"/public.atom\">",
    );
    let profile = anonymous.get("/Ada%20%26%20co").await;
    let url = app.url("/Ada%20%26%20co");
    for line in [
        "title=\"Ada &amp; co's Timeline\" href=\"/Ada%20%26%20co.atom\">",
        &format!("<link rel=\"canonical\" href=\"{url}\">"),
        &format!("<meta property=\"og:url\" content=\"{url}\">"),
        "<meta property=\"og:title\" content=\"Ada &amp; co on MiniTwit\">",
        "<meta property=\"og:description\" content=\"The messages of Ada &amp; co.\">",
        "<meta property=\"og:site_name\" content=\"MiniTwit\">",
        "<meta property=\"og:type\" content=\"profile\">",
        "<meta property=\"profile:username\" content=\"Ada &amp; co\">",
    ] {
        profile.says(line);
    }
    let image =
        profile.body.split("og:image\" content=\"").nth(1).and_then(|it| it.split('"').next());
    let image = image.and_then(|it| it.strip_prefix(&app.url(""))).expect("an absolute address");
    assert_eq!(anonymous.get(image).await.header("content-type"), "image/png");
}

#[tokio::test]
async fn a_message_page_has_open_graph_metadata() {
    let app = App::start().await;
    app.signed_in("Ada").await.say("Two \"herons\"\n & a tram").await;
    let newest = app.count("SELECT max(message_id) FROM messages").await;
    let page = app.anonymous().get(&format!("/message/{newest}")).await;
    let url = app.url(&format!("/message/{newest}"));
    for line in [
        &format!("<link rel=\"canonical\" href=\"{url}\">"),
        &format!("<meta property=\"og:url\" content=\"{url}\">"),
        "<meta name=\"description\" content=\"Two &#34;herons&#34; &amp; a tram\">",
        "<meta property=\"og:title\" content=\"Ada on MiniTwit\">",
        "<meta property=\"og:description\" content=\"Two &#34;herons&#34; &amp; a tram\">",
        "<meta property=\"og:type\" content=\"article\">",
        &format!("<meta property=\"article:author\" content=\"{}\">", app.url("/Ada")),
    ] {
        page.says(line);
    }
}
