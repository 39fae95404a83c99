// SPDX-License-Identifier: Apache-2.0 OR MIT
//! HTTP/1.1 by hyper: the listener, its bounds, and its end.

pub(crate) mod answer;
pub(crate) mod call;
mod connections;
mod dispatch;
mod paced;
pub(crate) mod problem;
pub(crate) mod room;
pub(crate) mod routes;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;

use crate::app::App;
use connections::Connections;
use paced::Paced;

/// Open connections; more wait in the kernel's queue.
pub(crate) const MAX_CONNECTIONS: usize = 1024;
/// A request's head must be there within this time; an idle connection is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// The same while few connections are left.
const HURRIED_HEAD_TIMEOUT: Duration = Duration::from_secs(3);
/// A head must fit in here.
const MAX_HEAD_BYTES: usize = 32 * 1024;
/// No connection lives longer: this bounds how slowly an answer may be taken.
const MAX_CONNECTION_TIME: Duration = Duration::from_secs(15 * 60);
/// How long a stop waits for answers under way.
const GRACE: Duration = Duration::from_secs(20);

/// Why nothing can listen.
#[derive(Debug)]
pub(crate) enum ListenError {
    /// Somebody else has the port.
    InUse(SocketAddr),
    /// Something else.
    Other(SocketAddr, std::io::Error),
}

impl fmt::Display for ListenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(address) => write!(
                f,
                "{address} is in use by another program: stop it, or choose another port with --listen {}:{}",
                address.ip(),
                address.port().saturating_add(1)
            ),
            Self::Other(address, error) => write!(f, "cannot listen on {address}: {error}"),
        }
    }
}

impl std::error::Error for ListenError {}

/// Takes the address.
pub(crate) async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address)
        .await
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::AddrInUse => ListenError::InUse(address),
            _ => ListenError::Other(address, error),
        })
}

/// Serves until `stop` is ready, then lets answers under way finish.
pub(crate) async fn serve(app: Arc<App>, listener: TcpListener, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let connections = Connections::new(app.settings.max_connections, app.settings.behind_proxy);
    let mut stop = std::pin::pin!(stop);
    loop {
        let place = tokio::select! {
            () = &mut stop => break,
            place = connections.place() => place,
        };
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        // The semaphore is never closed; out of descriptors, waiting lets others end.
        let (Some(place), Ok((stream, peer))) = (place, accepted) else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Some(taken) = connections.take(place, peer.ip()) else {
            continue;
        };
        // Small answers go out at once; without it they are only slower.
        let _ = stream.set_nodelay(true);
        let app = Arc::clone(&app);
        let service = service_fn(move |request| {
            let app = Arc::clone(&app);
            async move {
                let answer = dispatch::answer(&app, request, peer.ip()).await;
                Ok::<_, std::convert::Infallible>(answer.map(Full::new))
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(if connections.under_pressure() {
                HURRIED_HEAD_TIMEOUT
            } else {
                HEAD_TIMEOUT
            })
            .max_buf_size(MAX_HEAD_BYTES)
            .serve_connection(Paced::new(TokioIo::new(stream), paced::WINDOW), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off or takes too long is its own affair.
            let _ = tokio::time::timeout(MAX_CONNECTION_TIME, watched).await;
            drop(taken);
        });
    }
    drop(listener);
    // A round of notices may take an hour: it ends with the member that it is at.
    app.council.stop();
    // Those who do not take their answer in time are cut off.
    let _ = tokio::time::timeout(GRACE, graceful.shutdown()).await;
}
