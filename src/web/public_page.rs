//! The first page of the public timeline for whoever is signed out: rendered once for each change of
//! the timeline, not once for each request, and so compressed once, too.
//!
//! A message that this server took is on the page in the next request after its answer. For messages
//! that other servers took, and those that operators flag, the database is asked again when the page
//! is asked for and the last look is older than [`LOOK_AGAIN`]: nobody has to be notified, so that no
//! notification can be lost.

use std::{
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use flate2::Compression;
use poem::{
    Response,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    web::headers::{ETag, HeaderMapExt, IfNoneMatch},
};
use tokio::{sync::Mutex, time::Instant};

use super::{
    compression::{GZIP, accepts_gzip, gzip},
    failure::Failure,
    pages::{Frame, TimelinePage},
    respond::{HTML, PAGE_CACHE_CONTROL, etag},
    templates::Templates,
};
use crate::{
    domain::{Message, PAGE_SIZE, Page},
    service::{Error, Service},
};

/// How old the last look at the database may be. A message has to be on every replica's page within
/// 100 ms of its answer; half of that is for the query and the rendering.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What the page differs by.
const VARY: (HeaderName, HeaderValue) =
    (header::VARY, HeaderValue::from_static("accept-encoding, cookie"));

/// The page, kept for the requests to come.
#[derive(Default)]
pub(super) struct PublicPage {
    kept: RwLock<Option<Kept>>,
    /// Held by whoever looks at the database; the others wait for what it finds. Holds when the last
    /// look failed, if it did.
    looking: Mutex<Option<Instant>>,
}

/// A rendering, and when it was found to be true.
#[derive(Clone)]
struct Kept {
    rendering: Arc<Rendering>,
    version: u64,
    looked_at: Instant,
}

struct Rendering {
    messages: Page<Message>,
    html: Bytes,
    gzipped: OnceLock<Bytes>,
    etag: ETag,
}

impl PublicPage {
    /// The answer to a request with these headers.
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
        if let Some(kept) = self.kept().filter(|kept| kept.holds(service.public_version())) {
            return Ok(kept.rendering);
        }
        let arrived_at = Instant::now();
        let mut failed_at = self.looking.lock().await;
        let kept = self.kept();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.holds(service.public_version())) {
            return Ok(Arc::clone(&kept.rendering));
        }
        // Were each to try for itself, the last of many would wait many times as long as the first.
        if failed_at.is_some_and(|failed_at| failed_at > arrived_at) {
            return Err(Error::Overloaded.into());
        }
        // Both before the query: what happens while it runs is for the next look.
        let (version, looked_at) = (service.public_version(), Instant::now());
        let found = service.public_timeline(None, PAGE_SIZE).await;
        *failed_at = found.is_err().then(Instant::now);
        let messages = found?;
        let rendering = match kept {
            Some(kept) if kept.rendering.messages == messages => kept.rendering,
            _ => Arc::new(Rendering::of(messages, templates)?),
        };
        let now = Kept { rendering: Arc::clone(&rendering), version, looked_at };
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(rendering)
    }

    fn kept(&self) -> Option<Kept> {
        // It is replaced as a whole, whatever panics.
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Kept {
    /// Whether it can be shown while the timeline has this version.
    fn holds(&self, version: u64) -> bool {
        self.version == version && self.looked_at.elapsed() < LOOK_AGAIN
    }
}

impl Rendering {
    fn of(messages: Page<Message>, templates: &Templates) -> Result<Self, Failure> {
        let page = TimelinePage::public(Frame::default(), messages.clone()).live();
        let html = templates.render(&page)?;
        let etag = etag(html.as_bytes())?;
        Ok(Self { messages, html: html.into(), gzipped: OnceLock::new(), etag })
    }

    fn respond(&self, headers: &HeaderMap) -> Response {
        let (vary, by) = VARY;
        let response = Response::builder()
            .typed_header(self.etag.clone())
            .header(header::CACHE_CONTROL, PAGE_CACHE_CONTROL)
            .header(vary, by);
        let known = headers.typed_get::<IfNoneMatch>();
        if known.is_some_and(|known| !known.precondition_passes(&self.etag)) {
            return response.status(StatusCode::NOT_MODIFIED).finish();
        }
        let response = response.content_type(HTML);
        if !accepts_gzip(headers) {
            return response.body(self.html.clone());
        }
        let gzipped = self.gzipped.get_or_init(|| gzip(&self.html, Compression::best()).into());
        response.header(header::CONTENT_ENCODING, GZIP).body(gzipped.clone())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;
    use crate::service::test_support;

    #[tokio::test(start_paused = true)]
    async fn a_page_is_good_for_50_ms_and_until_a_change() {
        let templates = Templates::new().expect("templates");
        let nothing = Page { items: Vec::new(), next: None };
        let rendering = Arc::new(Rendering::of(nothing, &templates).expect("rendered"));
        let kept = Kept { rendering, version: 7, looked_at: Instant::now() };
        assert!(kept.holds(7) && !kept.holds(8));
        tokio::time::advance(Duration::from_millis(49)).await;
        assert!(kept.holds(7));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!kept.holds(7));
    }

    #[tokio::test(start_paused = true)]
    async fn readers_wait_for_a_silent_database_together_and_not_in_turn() {
        let database = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let service = test_support::service_at(database.local_addr().expect("bound").port());
        let (page, templates) = (PublicPage::default(), Templates::new().expect("templates"));
        let began = Instant::now();
        let readers = (0..6).map(|_| page.rendering(&service, &templates));
        assert!(join_all(readers).await.iter().all(Result::is_err));
        assert!(began.elapsed() < 2 * test_support::DATABASE_TIMEOUT, "{:?}", began.elapsed());
        // Whoever comes later tries anew.
        assert!(page.rendering(&service, &templates).await.is_err());
        assert!(began.elapsed() >= 2 * test_support::DATABASE_TIMEOUT, "{:?}", began.elapsed());
    }
}
