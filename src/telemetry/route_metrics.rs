//! Requests counted by route, method and status.
//!
//! Each route keeps its handles, because a look-up by labels costs more than counting. Routes come
//! from the program and never from a request, so their number is bounded.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use metrics::{Counter, Histogram, counter, histogram};

use super::metrics::{HTTP_DURATION, HTTP_REQUESTS};

/// The routes that were requested, by the router's pattern.
static ROUTES: LazyLock<RwLock<HashMap<String, Arc<RouteMetrics>>>> =
    LazyLock::new(RwLock::default);

/// The metrics of one route.
pub struct RouteMetrics {
    template: String,
    responses: RwLock<HashMap<(&'static str, u16), ResponseMetrics>>,
}

#[derive(Clone)]
struct ResponseMetrics {
    count: Counter,
    duration: Histogram,
}

impl RouteMetrics {
    /// The metrics of the route with this pattern. `template` names the route on first use.
    pub fn of(pattern: &str, template: impl FnOnce(&str) -> String) -> Arc<Self> {
        get_or_insert(&ROUTES, pattern, || {
            Arc::new(Self { template: template(pattern), responses: RwLock::default() })
        })
    }

    /// The route's name in metrics and logs, such as `/{username}/follow`.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// Counts a response and the time that it took.
    pub fn record(&self, method: &str, status: u16, duration: Duration) {
        let key = (method_label(method), status);
        let metrics = get_or_insert(&self.responses, &key, || self.register(key));
        metrics.count.increment(1);
        metrics.duration.record(duration);
    }

    fn register(&self, (method, status): (&'static str, u16)) -> ResponseMetrics {
        let labels = [
            ("route", self.template.clone()),
            ("method", method.to_owned()),
            ("status", status.to_string()),
        ];
        ResponseMetrics {
            count: counter!(HTTP_REQUESTS, &labels),
            duration: histogram!(HTTP_DURATION, &labels),
        }
    }
}

fn get_or_insert<K, Q, V>(map: &RwLock<HashMap<K, V>>, key: &Q, new: impl FnOnce() -> V) -> V
where
    K: Eq + Hash + Borrow<Q>,
    Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    V: Clone,
{
    // A panic cannot leave half an entry, so a poisoned map is usable.
    let known = map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    known.unwrap_or_else(|| {
        let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
        map.entry(key.to_owned()).or_insert_with(new).clone()
    })
}

/// The label of a method. Clients can send any method, so unknown ones share a label.
fn method_label(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
