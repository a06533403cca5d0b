//! Metadata by which other sites show a preview of a page (<https://ogp.me>), rendered by the template
//! `open_graph.html`.

use serde::Serialize;

use super::{excerpt::excerpt, format::rfc3339, site::Site};
use crate::{
    domain::{Message, Profile},
    web::{
        assets::Asset,
        bidi::isolate,
        links::{message_path, profile_path},
    },
};

/// About as much as sites show of a description.
const DESCRIPTION_MAX_CHARS: usize = 200;

/// The metadata of a page, in its field `open_graph`.
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
    pub fn of_user(site: &Site, owner: &Profile) -> Self {
        let Profile { username, display_name, bio, .. } = owner;
        let isolated = isolate(username.as_str());
        let name = match display_name {
            Some(display_name) => format!("{} ({isolated})", isolate(display_name.as_str())),
            None => isolated.to_string(),
        };
        let bio = bio.as_ref().map(|bio| excerpt(bio.as_str(), DESCRIPTION_MAX_CHARS));
        Self {
            title: format!("{name} on MiniTwit"),
            description: bio.unwrap_or_else(|| format!("The messages of {isolated}.")),
            url: site.url(&profile_path(username)),
            image: site.url(&Asset::card().url()),
            about: About::Profile { username: username.to_string() },
        }
    }

    pub fn of_message(site: &Site, message: &Message) -> Self {
        Self {
            title: format!("{} on MiniTwit", isolate(message.author.as_str())),
            description: excerpt(&message.text, DESCRIPTION_MAX_CHARS),
            url: site.url(&message_path(message.id)),
            image: site.url(&Asset::card().url()),
            about: About::Article {
                published: rfc3339(message.published_at),
                author: site.url(&profile_path(&message.author)),
            },
        }
    }
}
