//! Logs why requests are refused as cross-site ones.
//!
//! Behind a proxy that passes another host, every form fails, and only this line shows why. Other sites
//! can cause such requests too, so each kind is logged once an hour.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use poem::{
    Request,
    http::header::{HOST, HeaderName, ORIGIN, REFERER},
};

use crate::{
    http::{client::Client, cross_site::CrossSite},
    telemetry::request::cut,
};

const PAUSE: Duration = Duration::from_secs(3_600);
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// When each kind was logged.
static LOGGED: Mutex<[Option<Instant>; 3]> = Mutex::new([None; 3]);

pub(super) fn log(kind: CrossSite, request: &Request, client: &Client) {
    let now = Instant::now();
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    let last = &mut logged[kind as usize];
    if last.is_some_and(|last| now - last < PAUSE) {
        return;
    }
    *last = Some(now);
    drop(logged);
    let text = |name| request.headers().get(name).and_then(|it| it.to_str().ok()).map(cut);
    let origin = text(ORIGIN).or_else(|| text(REFERER)).unwrap_or_default();
    let host = client.host.as_deref().or_else(|| text(HOST)).unwrap_or_default();
    let remedy = match kind {
        CrossSite::FetchSite => "none, unless pages of this site are under several names",
        _ if client.host.is_none() && text(X_FORWARDED_HOST).is_some() => {
            "X-Forwarded-Host is ignored; name the proxy's address in --trusted-proxies \
             (MINITWIT_TRUSTED_PROXIES)"
        }
        _ => {
            "behind a proxy, pass the requested host: nginx with `proxy_set_header Host $http_host`, \
             or X-Forwarded-Host from a proxy in --trusted-proxies"
        }
    };
    tracing::warn!(reason = %kind, origin, host = cut(host), remedy, "a request is refused as cross-site");
}
