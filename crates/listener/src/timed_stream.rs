//! A connection with time-outs that a client which drips bytes cannot evade.
//!
//! The stream sees bytes only, and follows HTTP/1.1 as far as its time-outs need it:
//!
//! - *Waiting*, at first and after each write: nothing but line breaks has arrived, which hyper
//!   skips before a request. It must end within `idle`; arriving line breaks do not extend it.
//! - *Head*: a request has begun. Its blank line must arrive within `header` of its first byte.
//! - *Serving*: the head is complete. There is no time-out: the body's is the middleware's, and
//!   how long a handler may work is the handlers' affair.
//! - Any write leads back to *Waiting*. So a response of many writes (server-sent events) lasts
//!   while it writes something, if only a comment, more often than `idle`. A `100 Continue` is no
//!   response, and leaves the phase as it is.
//! - Besides, from the first write that the client does not take, everything given to be written
//!   must be taken within `write`. Meanwhile the other time-outs rest. Taking a part does not
//!   extend it.
//!
//! Requests are pipelined when a client sends one before the response to another. Their bytes are
//! not counted while *Serving*, where they look like a body; so after the response the connection
//! is *Waiting* though hyper may hold a part of a request, or all of it. A part must be completed
//! within `idle` and then `header`; a client that pipelines may be cut while a handler works for
//! longer than these on what had been sent ahead. No client stays in *Serving* without a
//! request in work: hyper ends each head where this stream does or earlier, and a request in work
//! ends with a write or the connection.
//!
//! HTTP/2 in clear text is refused at its preface: nothing here needs it, since reverse proxies speak
//! HTTP/1.1, and these time-outs would not bound it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep_until},
};
use tracing::debug;

use super::{acceptor::ConnectionLimits, phase::Phase};

/// How an HTTP/2 connection begins. `PRI` is reserved for it: no HTTP/1.1 request begins so.
const HTTP2_PREFACE: &[u8] = b"PRI ";

/// What hyper writes, on its own, when a request expects to be told to send its body.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A stream that closes itself, by an error of the kind `TimedOut`, when a time-out has passed.
///
/// It must be read and written by one task, as hyper does: both sides share one timer.
pub struct TimedStream<S> {
    inner: S,
    limits: ConnectionLimits,
    phase: Phase,
    /// When `phase` must have ended; without meaning while serving.
    phase_deadline: Instant,
    /// When everything written must have been taken; set while the client takes too little.
    write_deadline: Option<Instant>,
    /// How many bytes of the HTTP/2 preface have arrived; `None` once others have.
    preface: Option<usize>,
    alarm: Alarm,
    /// Counts this connection among those that are open.
    _permit: OwnedSemaphorePermit,
}

impl<S> TimedStream<S> {
    /// Bounds `inner`, which has just been accepted and counts while `permit` is held.
    pub(super) fn new(inner: S, limits: ConnectionLimits, permit: OwnedSemaphorePermit) -> Self {
        let phase_deadline = Instant::now() + limits.idle;
        Self {
            inner,
            limits,
            phase: Phase::Waiting,
            phase_deadline,
            write_deadline: None,
            preface: Some(0),
            alarm: Alarm::new(phase_deadline),
            _permit: permit,
        }
    }

    /// The stream beneath.
    #[cfg(test)]
    pub(super) fn inner(&self) -> &S {
        &self.inner
    }

    /// Follows the phases through `bytes`, which have just been read.
    fn note_read(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some(matched) = self.preface {
            self.preface = match_preface(matched, bytes);
            if self.preface == Some(HTTP2_PREFACE.len()) {
                debug!("a connection was closed: it speaks HTTP/2");
                return Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "HTTP/2 is not spoken here",
                ));
            }
        }
        let before = self.phase;
        self.phase = before.after(bytes);
        // A head that arrives at once, as most do, costs no look at the clock.
        if before == Phase::Waiting && matches!(self.phase, Phase::Head { .. }) {
            self.phase_deadline = Instant::now() + self.limits.header;
        }
        Ok(())
    }

    /// Begins to wait anew, as `written` bytes of `offered` have just been taken.
    fn note_write(&mut self, offered: &[IoSlice<'_>], written: usize) {
        if written == offered.iter().map(|piece| piece.len()).sum::<usize>() {
            self.write_deadline = None;
        }
        if !matches!(offered, [piece] if **piece == *CONTINUE) {
            self.phase = Phase::Waiting;
            self.phase_deadline = Instant::now() + self.limits.idle;
        }
    }

    /// What a write of `offered` came to, within the time-outs.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        offered: &[IoSlice<'_>],
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(written)) => {
                self.note_write(offered, written);
                // hyper does not read again once it waits to, so that the time-out of the new
                // phase must wake it from here.
                match self.poll_time_out(cx) {
                    Poll::Ready(error) => Poll::Ready(Err(error)),
                    Poll::Pending => Poll::Ready(Ok(written)),
                }
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let longest = self.limits.write;
                self.write_deadline.get_or_insert_with(|| Instant::now() + longest);
                self.poll_time_out(cx).map(Err)
            }
        }
    }

    /// Pending until the time-out that applies now has passed, when the task is woken; then the
    /// error that tells so.
    fn poll_time_out(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let (deadline, reason) = match (self.write_deadline, self.phase) {
            (Some(deadline), _) => (deadline, "the client did not take the response in time"),
            (None, Phase::Waiting) => (self.phase_deadline, "no request arrived in time"),
            (None, Phase::Head { .. }) => {
                (self.phase_deadline, "the head of the request was not complete in time")
            }
            (None, Phase::Serving) => return Poll::Pending,
        };
        self.alarm.poll(cx, deadline).map(|()| {
            debug!("a connection was closed: {reason}");
            io::Error::new(io::ErrorKind::TimedOut, reason)
        })
    }
}

/// How many bytes of the preface have arrived after `bytes`, of which `matched` came before;
/// `None` if others did.
fn match_preface(matched: usize, bytes: &[u8]) -> Option<usize> {
    let rest = &HTTP2_PREFACE[matched..];
    let compared = rest.len().min(bytes.len());
    (rest[..compared] == bytes[..compared]).then_some(matched + compared)
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        match Pin::new(&mut this.inner).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => Poll::Ready(this.note_read(&buf.filled()[before..])),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_time_out(cx).map(Err),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_write(cx, buf);
        this.after_write(cx, &[IoSlice::new(buf)], outcome)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let outcome = Pin::new(&mut this.inner).poll_write_vectored(cx, bufs);
        this.after_write(cx, bufs, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// A TCP stream keeps nothing back, so that this never waits and needs no time-out.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    /// Nor does it wait to be shut down.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// A timer that is set anew only when it goes off too early or would go off too late, since
/// deadlines move with each request and nearly none of them is reached.
struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    fn new(deadline: Instant) -> Self {
        Self(Box::pin(sleep_until(deadline)))
    }

    /// Ready once `deadline` has passed; wakes the task then, or earlier.
    fn poll(&mut self, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if deadline < self.0.deadline() {
            self.0.as_mut().reset(deadline);
        }
        while self.0.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
