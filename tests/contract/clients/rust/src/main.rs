//! A typical use of the JSON API by a client in Rust, which progenitor generates from the document.
//!
//! Usage: journey BASE

use std::{
    env, process,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use futures_util::StreamExt;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};

progenitor::generate_api!(spec = "../../../../openapi/api.json", interface = Builder);

use types::{MessageContent, NewToken, NewUser};

const PASSWORD: &str = "secret";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let base = env::args().nth(1).context("usage: journey BASE")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let username = format!("user {now} {}", process::id());
    let client = sign_in(&base, &username).await?;
    let ids = post_and_read_pages(&client).await?;
    receive_a_message(&client).await?;
    for id in ids {
        client.delete_message().id(id).send().await?;
        let Err(error) = client.get_message().id(id).send().await else {
            bail!("message {id} is not deleted");
        };
        ensure!(error.status().is_some_and(|status| status == 404), "{error}");
    }
    println!("a client in Rust signs in, posts, reads pages, receives a stream and deletes");
    Ok(())
}

/// Signs a user up. Returns a client with a token of the user.
async fn sign_in(base: &str, username: &str) -> Result<Client> {
    let anonymous = Client::new(base);
    let user = NewUser::builder().username(username).email("a@example.org").password(PASSWORD);
    let created = anonymous.create_user().body(user).send().await?;
    ensure!(created.username == username, "{created:?}");
    let token = NewToken::builder().username(username).password(PASSWORD).name("journey");
    let issued = anonymous.create_token().body(token).send().await?;
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {}", issued.token))?);
    let http = reqwest::Client::builder().default_headers(headers).build()?;
    Ok(Client::new_with_client(base, http))
}

/// Posts three messages and reads them in pages of two. Returns their ids.
async fn post_and_read_pages(client: &Client) -> Result<Vec<i64>> {
    let mut posted = Vec::new();
    for text in ["one", "two", "three"] {
        let content = MessageContent::builder().text(text);
        posted.insert(0, client.create_message().body(content).send().await?.id);
    }
    let mut read = Vec::new();
    let mut cursor: Option<String> = None;
    loop {
        let mut request = client.get_timeline().limit(2);
        if let Some(cursor) = cursor {
            request = request.cursor(cursor);
        }
        let page = request.send().await?.into_inner();
        read.extend(page.items.iter().map(|message| message.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    ensure!(read == posted, "{read:?} instead of {posted:?}");
    Ok(posted)
}

/// Opens the stream of the own timeline, posts, and waits for the message.
async fn receive_a_message(client: &Client) -> Result<()> {
    let mut stream = client.stream().timeline("own").send().await?.into_inner().into_inner();
    let mut events = String::new();
    while !events.contains("\"streamed\"") {
        let begun = !events.is_empty();
        let chunk = stream.next().await.context("the stream has no end")??;
        events.push_str(std::str::from_utf8(&chunk)?);
        if !begun {
            // The first event says that the stream is open.
            let content = MessageContent::builder().text("streamed");
            client.create_message().body(content).send().await?;
        }
    }
    Ok(())
}
