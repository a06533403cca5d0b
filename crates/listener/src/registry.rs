//! The open connections by client, and which of them is given up when a limit is reached.
//!
//! A connection is idle while it has no request in flight and no byte of the next request has arrived.
//! HTTP lets a server close it then, so idle connections are given up first.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long the log does not repeat that an address has reached its limit.
const WARNING_PAUSE: Duration = Duration::from_secs(60);
/// The most addresses whose last warning is remembered.
const REMEMBERED_WARNINGS: usize = 1_000;

/// What a connection is doing; shared by the connection and the registry.
#[derive(Debug)]
pub(crate) struct Activity {
    begin: Instant,
    requests: AtomicUsize,
    /// Milliseconds since `begin` at which it began to wait for a request, plus 1; 0 while bytes of a
    /// request have arrived or bytes of a response wait for the client.
    waiting_since: AtomicU64,
}

impl Activity {
    fn new(begin: Instant, now: Instant) -> Self {
        let activity =
            Self { begin, requests: AtomicUsize::new(0), waiting_since: AtomicU64::new(0) };
        activity.wait_for_request(now);
        activity
    }

    /// For a stream that belongs to no registry.
    #[cfg(test)]
    pub(crate) fn unregistered() -> Arc<Self> {
        Arc::new(Self::new(Instant::now(), Instant::now()))
    }

    /// All bytes of a response are sent, or the connection is new.
    pub(crate) fn wait_for_request(&self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.begin).as_millis();
        let elapsed = u64::try_from(elapsed).unwrap_or(u64::MAX - 1);
        self.waiting_since.store(elapsed + 1, Ordering::Relaxed);
    }

    /// A byte of a request has arrived.
    pub(crate) fn receive(&self) {
        self.waiting_since.store(0, Ordering::Relaxed);
    }

    /// Counts a request until the result is dropped.
    pub(crate) fn begin_request(self: &Arc<Self>) -> RequestGuard {
        self.requests.fetch_add(1, Ordering::Relaxed);
        RequestGuard(Arc::clone(self))
    }

    /// When it became idle, as a number that grows with time; `None` if it is not idle.
    fn idle_since(&self) -> Option<u64> {
        let since = self.waiting_since.load(Ordering::Relaxed);
        (since > 0 && self.requests.load(Ordering::Relaxed) == 0).then_some(since)
    }
}

/// A request in flight, including the body of its response.
#[derive(Debug)]
pub(crate) struct RequestGuard(Arc<Activity>);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connections of one listener. Clones share one state.
#[derive(Debug, Clone)]
pub(crate) struct Registry {
    begin: Instant,
    per_address: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    clients: HashMap<IpAddr, Vec<Entry>>,
    warned: HashMap<IpAddr, Instant>,
}

#[derive(Debug)]
struct Entry {
    id: u64,
    activity: Arc<Activity>,
    given_up: CancellationToken,
}

impl Registry {
    pub(crate) fn new(per_address: usize) -> Self {
        Self { begin: Instant::now(), per_address, state: Arc::default() }
    }

    /// Registers a connection from `peer`. If its address has reached its limit, the longest idle
    /// connection of that address is given up; `None` if none of them is idle.
    pub(crate) fn register(&self, peer: IpAddr) -> Option<Registration> {
        let client = client(peer);
        let now = Instant::now();
        let mut state = self.lock();
        if state.clients.get(&client).is_some_and(|entries| entries.len() >= self.per_address) {
            state.warn(client, self.per_address, now);
            if !state.give_up_idle(client) {
                return None;
            }
        }
        state.last_id += 1;
        let id = state.last_id;
        let activity = Arc::new(Activity::new(self.begin, now));
        let given_up = CancellationToken::new();
        let entry = Entry { id, activity: Arc::clone(&activity), given_up: given_up.clone() };
        state.clients.entry(client).or_default().push(entry);
        let key = Some((client, id));
        Some(Registration { activity, given_up, key, registry: self.clone() })
    }

    /// A connection that no limit of addresses counts and that is never given up.
    pub(crate) fn exempt(&self) -> Registration {
        let activity = Arc::new(Activity::new(self.begin, Instant::now()));
        let given_up = CancellationToken::new();
        Registration { activity, given_up, key: None, registry: self.clone() }
    }

    /// Gives up the longest idle connection of the address with the most connections, among the
    /// addresses that have an idle one.
    pub(crate) fn give_up_idle(&self) {
        let mut state = self.lock();
        let mut clients: Vec<(usize, IpAddr)> =
            state.clients.iter().map(|(client, entries)| (entries.len(), *client)).collect();
        clients.sort_unstable_by(|a, b| b.cmp(a));
        for (_, client) in clients {
            if state.give_up_idle(client) {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns false if no connection of this client is idle.
    fn give_up_idle(&mut self, client: IpAddr) -> bool {
        let Some(entries) = self.clients.get_mut(&client) else { return false };
        let idle = entries.iter().enumerate().filter_map(|(index, entry)| {
            entry.activity.idle_since().map(|since| (since, entry.id, index))
        });
        let Some((_, _, index)) = idle.min() else { return false };
        entries.swap_remove(index).given_up.cancel();
        self.remove_if_empty(client);
        true
    }

    fn remove(&mut self, client: IpAddr, id: u64) {
        if let Some(entries) = self.clients.get_mut(&client) {
            entries.retain(|entry| entry.id != id);
        }
        self.remove_if_empty(client);
    }

    fn remove_if_empty(&mut self, client: IpAddr) {
        if self.clients.get(&client).is_some_and(Vec::is_empty) {
            self.clients.remove(&client);
        }
    }

    fn warn(&mut self, client: IpAddr, limit: usize, now: Instant) {
        if self.warned.get(&client).is_some_and(|at| now - *at < WARNING_PAUSE) {
            return;
        }
        if self.warned.len() >= REMEMBERED_WARNINGS {
            self.warned.clear();
        }
        self.warned.insert(client, now);
        warn!(
            address = %client,
            limit,
            "an address has reached its limit of connections; if it is a reverse proxy, add it to \
             --trusted-proxies"
        );
    }
}

/// A registered connection. Dropping it removes it.
#[derive(Debug)]
pub(crate) struct Registration {
    pub(crate) activity: Arc<Activity>,
    /// Cancelled when the connection must make room for another.
    pub(crate) given_up: CancellationToken,
    key: Option<(IpAddr, u64)>,
    registry: Registry,
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some((client, id)) = self.key {
            self.registry.lock().remove(client, id);
        }
    }
}

/// The address that a limit counts: of IPv6, the network of 64 bits, all of which one client can use.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn register(registry: &Registry, text: &str) -> Option<Registration> {
        registry.register(address(text))
    }

    #[test]
    fn addresses_of_one_client_are_counted_together() {
        for (one, other, same) in [
            ("192.0.2.1", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("192.0.2.1", "::ffff:192.0.2.1", true),
            ("::ffff:192.0.2.2", "::ffff:192.0.2.1", false),
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true),
            ("2001:db8::1", "2001:db8:0:1::1", false),
        ] {
            assert_eq!(client(address(one)) == client(address(other)), same, "{one} {other}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn beyond_the_limit_of_an_address_its_longest_idle_connection_is_given_up() {
        let registry = Registry::new(3);
        let mut connections = Vec::new();
        for _ in 0..3 {
            connections.push(register(&registry, "192.0.2.1").expect("below the limit"));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        // The first has a request in flight, and the third waits for the longest since its response.
        let request = connections[0].activity.begin_request();
        connections[1].activity.wait_for_request(Instant::now());
        let other = register(&registry, "192.0.2.2").expect("another address");
        let fourth = register(&registry, "192.0.2.1").expect("one was idle");
        let given_up = |them: &[Registration]| -> Vec<bool> {
            them.iter().map(|it| it.given_up.is_cancelled()).collect()
        };
        assert_eq!(given_up(&connections), [false, false, true]);

        connections[1].activity.receive();
        fourth.activity.receive();
        assert!(register(&registry, "192.0.2.1").is_none(), "none is idle");
        drop(request);
        let fifth = register(&registry, "192.0.2.1").expect("the first is idle again");
        assert_eq!(given_up(&connections), [true, false, true]);
        assert!(!other.given_up.is_cancelled() && !fifth.given_up.is_cancelled());

        // Given-up connections are no longer counted; ended ones neither.
        drop(connections);
        assert!(register(&registry, "192.0.2.1").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn for_room_the_address_with_the_most_connections_gives_up_an_idle_one() {
        let registry = Registry::new(9);
        let proxy = registry.exempt();
        let busy: Vec<_> = (0..3).filter_map(|_| register(&registry, "192.0.2.1")).collect();
        busy.iter().for_each(|it| it.activity.receive());
        let many: Vec<_> = (0..3).filter_map(|_| register(&registry, "192.0.2.2")).collect();
        let one = register(&registry, "192.0.2.3").expect("below the limit");
        for given_up in [[true, false, false], [true, true, false]] {
            registry.give_up_idle();
            let found: Vec<_> = many.iter().map(|it| it.given_up.is_cancelled()).collect();
            assert_eq!(found, given_up);
        }
        drop(many);
        assert!(!one.given_up.is_cancelled());
        registry.give_up_idle();
        assert!(one.given_up.is_cancelled());
        registry.give_up_idle();
        assert!(
            !proxy.given_up.is_cancelled() && !busy.iter().any(|it| it.given_up.is_cancelled())
        );
    }
}
