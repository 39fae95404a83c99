// SPDX-License-Identifier: Apache-2.0 OR MIT
//! A connection whose client must take what it asked for, as what waits for it lies in memory.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::{Instant, Sleep};

/// How often a client that does not keep up is looked at.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
/// The least that it takes in that time: 8 KiB a second.
const LEAST: usize = 480 * 1024;

/// The connection.
pub(super) struct Paced<T> {
    inner: T,
    window: Duration,
    /// Since the client did not take all at once, until it has: the window's end.
    waiting: Option<Pin<Box<Sleep>>>,
    taken: usize,
}

impl<T> Paced<T> {
    pub(super) fn new(inner: T, window: Duration) -> Self {
        Self {
            inner,
            window,
            waiting: None,
            taken: 0,
        }
    }

    fn judge(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(outcome) = written {
            if let Ok(bytes) = outcome {
                self.taken = self.taken.saturating_add(bytes);
            }
            return Poll::Ready(outcome);
        }
        let window = self.window;
        if self.waiting.is_none() {
            self.taken = 0;
        }
        let end = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(window)));
        while end.as_mut().poll(context).is_ready() {
            if self.taken < LEAST {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.taken = 0;
            end.as_mut().reset(Instant::now() + window);
        }
        Poll::Pending
    }
}

impl<T: Read + Unpin> Read for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: Write + Unpin> Write for Paced<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    /// hyper asks for this once it has handed over all that it held.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.waiting = None;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::future::poll_fn;

    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use super::*;

    const SHORT: Duration = Duration::from_secs(3);

    /// As hyper sends an answer.
    async fn send(to: &mut Paced<TokioIo<DuplexStream>>, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = poll_fn(|context| Pin::new(&mut *to).poll_write(context, bytes)).await?;
            bytes = bytes.get(sent..).unwrap_or_default();
        }
        poll_fn(|context| Pin::new(&mut *to).poll_flush(context)).await
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut_off_at_the_end_of_the_window() {
        let (ours, _theirs) = duplex(1024);
        let mut connection = Paced::new(TokioIo::new(ours), SHORT / 60);
        send(&mut connection, &[0; 1024]).await.unwrap();
        let error = send(&mut connection, &[0; 1]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_client_that_takes_too_little_is_cut_off_and_one_that_takes_all_may_rest_between_answers()
     {
        let (ours, mut theirs) = duplex(1024);
        let mut connection = Paced::new(TokioIo::new(ours), SHORT);
        let client = async {
            let mut all = vec![0; 4096];
            for _ in 0..2 {
                theirs.read_exact(&mut all).await.unwrap();
            }
            // From now on a byte every now and then.
            while theirs.read_u8().await.is_ok() {
                tokio::time::sleep(SHORT / 10).await;
            }
        };
        let server = async {
            for _ in 0..2 {
                send(&mut connection, &[0; 4096]).await.unwrap();
                assert!(connection.waiting.is_none());
            }
            let error = send(&mut connection, &[0; 4096]).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        };
        tokio::select! {
            () = client => {}
            () = server => {}
        }
    }
}
