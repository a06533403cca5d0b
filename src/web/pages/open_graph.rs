//! What other sites show of a page when somebody links to it there (<https://ogp.me>), and the page's
//! own address, with the template `open_graph.html`.

use serde::Serialize;

use super::{excerpt::excerpt, messages::datetime, site::Site};
use crate::{
    domain::{Message, Username},
    web::{
        assets::Asset,
        paths::{message_path, profile_path},
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
    /// Of a user, whose own words are `bio`, if there are any.
    #[must_use]
    pub fn of_user(site: &Site, owner: &Username, bio: Option<&str>) -> Self {
        let bio = bio.map(|bio| excerpt(bio, DESCRIPTION_CHARS)).filter(|bio| !bio.is_empty());
        Self {
            title: format!("{owner} on MiniTwit"),
            description: bio.unwrap_or_else(|| format!("The messages of {owner}.")),
            url: site.url(&profile_path(owner)),
            image: site.url(&Asset::card().url()),
            about: About::Profile { username: owner.to_string() },
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
