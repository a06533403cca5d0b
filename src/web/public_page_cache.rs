//! The cached first page of the public timeline, for visitors who are signed out.
//!
//! The server renders and compresses the page once per change of the timeline, not once per request. A
//! post on this server is on the page from the next request on. Changes on other replicas and by
//! operators take effect within [`MAX_AGE`], because a request for an older page queries the database.
//! Replicas do not notify each other, so no notification can be lost.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use poem::{
    Response,
    http::{HeaderMap, HeaderValue},
};
use tokio::{sync::Mutex, time::Instant};

use super::{
    failure::Failure,
    pages::{Frame, TimelinePage},
    respond::{HTML, PAGE_CACHE_CONTROL},
    templates::Templates,
};
use crate::{
    domain::{Message, PAGE_SIZE, Page},
    http::representation::Representation,
    service::{Error, Service},
};

/// The maximum age of a page that is sent without a query.
///
/// Every replica must show a message within 100 ms of its response. Half of that is left for the
/// query and the rendering.
const MAX_AGE: Duration = Duration::from_millis(50);

const VARY: HeaderValue = HeaderValue::from_static("accept-encoding, cookie");

#[derive(Default)]
pub(super) struct PublicPageCache {
    entry: RwLock<Option<Entry>>,
    /// One request locks it and refreshes the page; the others wait for the result. Contains the time
    /// of the last refresh if that failed.
    refresh: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Entry {
    rendering: Arc<Rendering>,
    version: u64,
    checked_at: Instant,
}

struct Rendering {
    messages: Page<Message>,
    page: Representation,
}

impl PublicPageCache {
    /// The page, or 304 if the client has it already.
    pub(super) async fn respond(
        &self,
        service: &Service,
        templates: &Templates,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        Ok(self.rendering(service, templates).await?.respond(headers))
    }

    async fn rendering(
        &self,
        service: &Service,
        templates: &Templates,
    ) -> Result<Arc<Rendering>, Failure> {
        if let Some(entry) = self.entry().filter(|entry| entry.is_fresh(service.public_version())) {
            return Ok(entry.rendering);
        }
        let arrived_at = Instant::now();
        let mut failed_at = self.refresh.lock().await;
        let entry = self.entry();
        if let Some(entry) = entry.as_ref().filter(|it| it.is_fresh(service.public_version())) {
            return Ok(Arc::clone(&entry.rendering));
        }
        // Waiting requests do not retry: the last one would wait for one time-out per request.
        if failed_at.is_some_and(|failed_at| failed_at > arrived_at) {
            return Err(Error::Overloaded.into());
        }
        // Read before the query, so that a change during the query causes another refresh.
        let (version, checked_at) = (service.public_version(), Instant::now());
        let result = service.newest_for_cache(PAGE_SIZE).await;
        *failed_at = result.is_err().then(Instant::now);
        let messages = result?;
        let rendering = match entry {
            Some(entry) if entry.rendering.messages == messages => entry.rendering,
            _ => Arc::new(Rendering::new(messages, templates)?),
        };
        let refreshed = Entry { rendering: Arc::clone(&rendering), version, checked_at };
        *self.entry.write().unwrap_or_else(PoisonError::into_inner) = Some(refreshed);
        Ok(rendering)
    }

    fn entry(&self) -> Option<Entry> {
        // Entries are replaced as a whole, so a poisoned lock still holds a consistent one.
        self.entry.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Entry {
    fn is_fresh(&self, current_version: u64) -> bool {
        self.version == current_version && self.checked_at.elapsed() < MAX_AGE
    }
}

impl Rendering {
    fn new(messages: Page<Message>, templates: &Templates) -> Result<Self, Failure> {
        let page = TimelinePage::public(Frame::default(), messages.clone()).live();
        let page = Representation::new(HTML, templates.render(&page)?);
        Ok(Self { messages, page })
    }

    fn respond(&self, headers: &HeaderMap) -> Response {
        self.page.respond(headers, PAGE_CACHE_CONTROL, VARY)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::service::test_support;

    #[tokio::test(start_paused = true)]
    async fn an_entry_is_fresh_for_50_ms_or_until_a_change() {
        let templates = Templates::new().expect("templates");
        let empty = Page { items: Vec::new(), next: None };
        let rendering = Arc::new(Rendering::new(empty, &templates).expect("rendered"));
        let entry = Entry { rendering, version: 7, checked_at: Instant::now() };
        assert!(entry.is_fresh(7) && !entry.is_fresh(8));
        tokio::time::advance(Duration::from_millis(49)).await;
        assert!(entry.is_fresh(7));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!entry.is_fresh(7));
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_requests_share_one_time_out_of_an_unresponsive_database() {
        let database = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let service = test_support::service_at(database.local_addr().expect("bound").port());
        let (cache, templates) = (PublicPageCache::default(), Templates::new().expect("templates"));
        let started_at = Instant::now();
        let requests = (0..6).map(|_| cache.rendering(&service, &templates));
        assert!(join_all(requests).await.iter().all(Result::is_err));
        assert!(
            started_at.elapsed() < 2 * test_support::DATABASE_TIMEOUT,
            "{:?}",
            started_at.elapsed()
        );
        // A later request tries again.
        assert!(cache.rendering(&service, &templates).await.is_err());
        assert!(
            started_at.elapsed() >= 2 * test_support::DATABASE_TIMEOUT,
            "{:?}",
            started_at.elapsed()
        );
    }
}
