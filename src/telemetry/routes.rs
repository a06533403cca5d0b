//! What is counted of requests, by route, method and status. The handles on the counters are kept: a
//! look-up of each by its labels costs more than the counting.
//!
//! The routes are those of the program, never what a client asks for.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, LazyLock, PoisonError, RwLock},
    time::Duration,
};

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use super::metrics::{HTTP_DURATION, HTTP_IN_FLIGHT, HTTP_REQUESTS, InFlightGauge};

/// The routes that were asked for, by the pattern that the router knows them by.
static ROUTES: LazyLock<RwLock<HashMap<String, Arc<Route>>>> = LazyLock::new(RwLock::default);

/// A route, and what is counted of it.
pub struct Route {
    template: String,
    in_flight: RwLock<HashMap<&'static str, Gauge>>,
    answers: RwLock<HashMap<(&'static str, u16), Answers>>,
}

#[derive(Clone)]
struct Answers {
    count: Counter,
    duration: Histogram,
}

impl Route {
    /// The route that is called `template` in metrics and logs.
    #[must_use]
    pub fn new(template: String) -> Self {
        Self { template, in_flight: RwLock::default(), answers: RwLock::default() }
    }

    /// The route of the router's `pattern`, which `template` names when it is met for the first time.
    pub fn of(pattern: &str, template: impl FnOnce(&str) -> String) -> Arc<Self> {
        kept(&ROUTES, pattern, || Arc::new(Self::new(template(pattern))))
    }

    /// What the route is called, such as `/{username}/follow`.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    /// Counts a request to this route as being served, for as long as the result lives.
    #[must_use]
    pub fn in_flight(&self, method: &str) -> InFlightGauge {
        let method = method_label(method);
        InFlightGauge::begin(kept(
            &self.in_flight,
            &method,
            || gauge!(HTTP_IN_FLIGHT, "route" => self.template.clone(), "method" => method),
        ))
    }

    /// A request to this route was answered.
    pub fn answered(&self, method: &str, status: u16, took: Duration) {
        let key = (method_label(method), status);
        let answers = kept(&self.answers, &key, || self.register(key));
        answers.count.increment(1);
        answers.duration.record(took);
    }

    fn register(&self, (method, status): (&'static str, u16)) -> Answers {
        let labels = [
            ("route", self.template.clone()),
            ("method", method.to_owned()),
            ("status", status.to_string()),
        ];
        Answers {
            count: counter!(HTTP_REQUESTS, &labels),
            duration: histogram!(HTTP_DURATION, &labels),
        }
    }
}

/// What `map` has at `key`; what `new` makes, if it has nothing there yet.
fn kept<K, Q, V>(map: &RwLock<HashMap<K, V>>, key: &Q, new: impl FnOnce() -> V) -> V
where
    K: Eq + Hash + Borrow<Q>,
    Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    V: Clone,
{
    // An entry is inserted as a whole, whatever panics.
    let known = map.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned();
    known.unwrap_or_else(|| {
        let mut map = map.write().unwrap_or_else(PoisonError::into_inner);
        map.entry(key.to_owned()).or_insert_with(new).clone()
    })
}

/// The label of a request's method. Clients can make up methods; labels are not theirs to make.
fn method_label(method: &str) -> &'static str {
    const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    METHODS.into_iter().find(|known| *known == method).unwrap_or("other")
}
