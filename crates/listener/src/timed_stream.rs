//! A connection with deadlines that a slow client cannot evade.
//!
//! The stream sees bytes only, and follows HTTP/1.1 as far as its deadlines require:
//!
//! - *Waiting*, at first and after each write: no byte of a request has arrived. The first byte must
//!   arrive within `idle`. Line breaks, which hyper skips before a request, do not count.
//! - *Head*: a request has begun. Its blank line must arrive within `header` of its first byte.
//! - *Serving*: the head is complete. This phase has no deadline: the handler limits its own time
//!   and the time for the body.
//! - Any write leads back to *Waiting*. A response of many writes, such as server-sent events, must
//!   therefore write at least a comment more often than `idle`. A `100 Continue` is not a response
//!   and does not change the phase.
//! - A write that does not complete at once starts the write deadline: the client must read all bytes
//!   offered within `write`. Reading a part does not extend it. The other deadlines are suspended
//!   until then.
//!
//! Pipelined requests arrive while the connection is *Serving*. The stream cannot tell them from a
//! body. After the response the connection is *Waiting*, although hyper may hold part or all of a
//! request. This has two effects. The client must complete a partly sent request within `idle` and
//! then `header`. And the stream may cut off a client that pipelines while the handler works longer
//! than that. No client stays in *Serving* without a request in flight. hyper ends each head where
//! this stream does, or earlier; each request in flight ends with a write or with the connection.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};
use tracing::debug;

use crate::{limits::ConnectionLimits, phase::Phase, registry::Activity};

/// What hyper writes by itself if a request expects `100-continue`.
const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// A stream whose reads and writes fail with `TimedOut` once a deadline has passed.
///
/// One task must both read and write it, as hyper does: both share one timer.
pub(crate) struct TimedStream<S> {
    inner: S,
    limits: ConnectionLimits,
    activity: Arc<Activity>,
    phase: Phase,
    /// The end of `phase`; unused while serving.
    phase_deadline: Instant,
    /// The deadline for the client to read all bytes offered; `None` if it has.
    write_deadline: Option<Instant>,
    timer: Timer,
}

impl<S> TimedStream<S> {
    pub(crate) fn new(inner: S, limits: ConnectionLimits, activity: Arc<Activity>) -> Self {
        let phase_deadline = Instant::now() + limits.idle;
        Self {
            inner,
            limits,
            activity,
            phase: Phase::Waiting,
            phase_deadline,
            write_deadline: None,
            timer: Timer::new(phase_deadline),
        }
    }

    /// Advances the phase by the `bytes` just read.
    fn after_read(&mut self, bytes: &[u8]) {
        let before = self.phase;
        self.phase = before.after(bytes);
        if before == Phase::Waiting && self.phase != Phase::Waiting {
            self.activity.receive();
        }
        // Most heads arrive whole, so most requests do not need to read the clock.
        if before == Phase::Waiting && matches!(self.phase, Phase::Head { .. }) {
            self.phase_deadline = Instant::now() + self.limits.header;
        }
    }

    /// Updates the deadlines after a write of `offered`, and checks them.
    fn after_write(
        &mut self,
        cx: &mut Context<'_>,
        offered: &[IoSlice<'_>],
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(written)) => {
                let complete = written == offered.iter().map(|piece| piece.len()).sum::<usize>();
                if complete {
                    self.write_deadline = None;
                }
                if !matches!(offered, [piece] if **piece == *CONTINUE) {
                    let now = Instant::now();
                    self.phase = Phase::Waiting;
                    self.phase_deadline = now + self.limits.idle;
                    if complete {
                        self.activity.wait_for_request(now);
                    }
                }
                // hyper does not read again while it waits to read, so this call must register the
                // task for the new phase's deadline.
                match self.poll_deadline(cx) {
                    Poll::Ready(error) => Poll::Ready(Err(error)),
                    Poll::Pending => Poll::Ready(Ok(written)),
                }
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                let longest = self.limits.write;
                self.write_deadline.get_or_insert_with(|| Instant::now() + longest);
                self.poll_deadline(cx).map(Err)
            }
        }
    }

    /// Returns an error once the current deadline has passed; wakes the task then.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let (deadline, reason) = match (self.write_deadline, self.phase) {
            (Some(deadline), _) => (deadline, "the client did not read the response in time"),
            (None, Phase::Waiting) => (self.phase_deadline, "no request arrived in time"),
            (None, Phase::Head { .. }) => {
                (self.phase_deadline, "the head of the request was not complete in time")
            }
            (None, Phase::Serving) => return Poll::Pending,
        };
        self.timer.poll(cx, deadline).map(|()| {
            debug!(reason, "closing a connection");
            io::Error::new(io::ErrorKind::TimedOut, reason)
        })
    }
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
            Poll::Ready(Ok(())) => {
                this.after_read(&buf.filled()[before..]);
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => this.poll_deadline(cx).map(Err),
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

    /// Needs no deadline: a TCP stream buffers nothing, so flushing never waits.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    /// Needs no deadline: shutting a TCP stream down never waits.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

/// A timer for a deadline that moves with each request and is rarely reached. It is reset only if
/// it would fire too late, or has fired too early.
struct Timer(Pin<Box<Sleep>>);

impl Timer {
    fn new(deadline: Instant) -> Self {
        Self(Box::pin(sleep_until(deadline)))
    }

    /// Ready once `deadline` has passed; wakes the task by then.
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
