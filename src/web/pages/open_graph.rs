//! What other sites show of a page when somebody links to it there (<https://ogp.me>), and the page's
//! own address, with the template `open_graph.html`.

use serde::Serialize;

use super::{excerpt::excerpt, messages::datetime, site::Site};
use crate::{
    domain::{Message, Profile},
    web::{
        assets::Asset,
        links::{message_path, profile_path},
    },
};

/// As much as sites show of a description.
const DESCRIPTION_CHARS: usize = 200;

/// A page's description. A page has it as its field `open_graph`.
#[derive(Debug, Serialize)]
pub struct OpenGraph {
    title: String,
    description: String,
    url: String,
    image: String,
    #[serde(flatten)]
    about: About,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum About {
    Profile { username: String },
    Article { published: String, author: String },
}

impl OpenGraph {
    /// Of a user.
    #[must_use]
    pub fn of_user(site: &Site, owner: &Profile) -> Self {
        let Profile { username, display_name, bio, .. } = owner;
        let called = match display_name {
            Some(display_name) => format!("{} ({username})", display_name.as_str()),
            None => username.to_string(),
        };
        let bio = bio.as_ref().map(|bio| excerpt(bio.as_str(), DESCRIPTION_CHARS));
        Self {
            title: format!("{called} on MiniTwit"),
            description: bio.unwrap_or_else(|| format!("The messages of {username}.")),
            url: site.url(&profile_path(username)),
            image: site.url(&Asset::card().url()),
            about: About::Profile { username: username.to_string() },
        }
    }

    /// Of a message.
    #[must_use]
    pub fn of_message(site: &Site, message: &Message) -> Self {
        Self {
            title: format!("{} on MiniTwit", message.author),
            description: excerpt(&message.text, DESCRIPTION_CHARS),
            url: site.url(&message_path(message.id)),
            image: site.url(&Asset::card().url()),
            about: About::Article {
                published: datetime(message.published_at),
                author: site.url(&profile_path(&message.author)),
            },
        }
    }
}
