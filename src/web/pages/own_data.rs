//! The download of a user's own data as JSON, written part by part.

use serde::Serialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    domain::{Bio, DisplayName, Email, Message, Profile, ProfileView, Username},
    service::DataPage,
};

/// A JSON document that is not complete yet.
pub struct OwnDataJson {
    text: String,
    /// The member that the last page belongs to, and whether its list has an element.
    list: Option<(&'static str, bool)>,
}

impl OwnDataJson {
    pub fn begin(view: &ProfileView) -> Self {
        let ProfileView { profile, email, .. } = view;
        let profile = json!({
            "username": profile.username.as_str(),
            "display_name": profile.display_name.as_ref().map(DisplayName::as_str),
            "bio": profile.bio.as_ref().map(Bio::as_str),
            "email": email.as_ref().map(Email::as_str),
            "joined_at": rfc3339(profile.joined_at),
        });
        Self { text: format!("{{\n\"profile\": {profile}"), list: None }
    }

    pub fn add(&mut self, page: &DataPage) {
        match page {
            DataPage::Messages(messages) => self.add_all("messages", messages, message),
            DataPage::Following(profiles) => self.add_all("following", profiles, user),
            DataPage::Followers(profiles) => self.add_all("followers", profiles, user),
        }
    }

    /// Removes and returns what is written so far.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// The end of the document.
    pub fn end(self) -> &'static str {
        if self.list.is_some() { "\n]\n}\n" } else { "\n}\n" }
    }

    fn add_all<T>(&mut self, name: &'static str, items: &[T], value: impl Fn(&T) -> Value) {
        let mut has_elements = match self.list {
            Some((last, has_elements)) if last == name => has_elements,
            Some(_) => {
                self.text.push_str("\n]");
                self.begin_list(name)
            }
            None => self.begin_list(name),
        };
        for item in items {
            self.text.push_str(if has_elements { ",\n" } else { "\n" });
            self.text.push_str(&value(item).to_string());
            has_elements = true;
        }
        self.list = Some((name, has_elements));
    }

    /// Returns that the list has no element yet.
    fn begin_list(&mut self, name: &str) -> bool {
        self.text.push_str(&format!(",\n\"{name}\": ["));
        false
    }
}

fn message(message: &Message) -> Value {
    json!({
        "id": message.id,
        "text": message.text,
        "published_at": rfc3339(message.published_at),
        "edited_at": message.edited_at.map(rfc3339),
        "in_reply_to": message.in_reply_to.as_ref().map(|parent| json!({
            "id": parent.id,
            "username": parent.author.as_ref().map(Username::as_str),
        })),
    })
}

fn user(profile: &Profile) -> Value {
    json!({
        "username": profile.username.as_str(),
        "display_name": profile.display_name.as_ref().map(DisplayName::as_str),
    })
}

/// The time with all its digits.
fn rfc3339(time: OffsetDateTime) -> impl Serialize {
    // Fails only for years beyond 9999.
    time.format(&Rfc3339).ok()
}
