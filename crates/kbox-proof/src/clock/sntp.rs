// SPDX-License-Identifier: Apache-2.0 OR MIT
//! NTP servers, asked as a simple client does (RFC 5905 §14): one packet of 48 bytes there, one back.
//!
//! Out of scope: authentication (NTS, RFC 8915). Who rewrites packets on the way to a majority of the servers can make the clock
//! refuse, or confirm one that is wrong, but never sets it. Use servers on a network of yours, or of several operators.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::thread;
use std::time::Instant;

use super::source::nanos;
use super::{Moment, OffsetInterval, SourceError, SourceReport, TimeSource};

/// How long an answer is awaited. One that takes longer would leave more open than `MAX_DISTANCE`.
const PATIENCE: Duration = Duration::from_secs(2);

/// MAXDIST: a source that leaves more open is not used (RFC 5905 §11.2.1). More than a second is also more than a token may
/// state (EN 319 421 §7.7.2), and an interval that wide would agree with anybody.
const MAX_DISTANCE: Duration = Duration::from_secs(1);

/// Polls left out after the code RATE: doubled each time, up to this.
const MAX_REST: u32 = 16;

/// How long a server is left alone after DENY or RSTR, which call for stopping (RFC 5905 §7.4). Not for good: a server moves, its
/// operator repents, and who lies on the way could silence it with one packet.
const DENIED_REST: Duration = Duration::from_secs(4 * 3600);

/// Seconds from 1900-01-01 to 1970-01-01.
const NTP_TO_UNIX: u64 = 2_208_988_800;

const PACKET_LEN: usize = 48;

/// The port of NTP.
const NTP_PORT: u16 = 123;

/// A server that cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerAddressError {
    /// Neither a host name nor an address, with or without a port.
    Malformed(String),
    /// Its host is named already, perhaps with another port: it would have two votes.
    Twice(String),
    /// No server at all.
    None,
}

impl fmt::Display for ServerAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) => write!(
                f,
                "{text:?} is no NTP server; write a host name or an address, such as ntp.example.fr, 192.0.2.1:123 or \
                 [2001:db8::1]:123"
            ),
            Self::Twice(text) => write!(
                f,
                "NTP server {text:?} is on a host that is named already: a host has one vote, whatever its port. Name each host once"
            ),
            Self::None => f.write_str("no NTP server is named"),
        }
    }
}

impl core::error::Error for ServerAddressError {}

/// NTP servers. A host has one vote, whatever names and ports it is given: servers that share an address share the vote of the
/// first.
#[derive(Debug)]
pub struct SntpSource(Vec<Server>);

impl SntpSource {
    /// Servers by host name or address, with port 123 where none is given.
    ///
    /// # Errors
    /// [`ServerAddressError`].
    pub fn new<S: AsRef<str>>(servers: &[S]) -> Result<Self, ServerAddressError> {
        let mut all: Vec<Server> = Vec::new();
        for text in servers {
            let server = Server::parse(text.as_ref())?;
            if all.iter().any(|one| one.host == server.host) {
                return Err(ServerAddressError::Twice(text.as_ref().to_owned()));
            }
            all.push(server);
        }
        if all.is_empty() {
            return Err(ServerAddressError::None);
        }
        Ok(Self(all))
    }
}

impl TimeSource for SntpSource {
    fn measure(&mut self, base: &Moment) -> Vec<SourceReport> {
        // At each poll anew: addresses change.
        let resolved = at_once(self.0.iter(), Server::resolve);
        let mut voters: Vec<IpAddr> = Vec::new();
        let asked: Vec<_> = self
            .0
            .iter_mut()
            .zip(resolved)
            .map(|(server, addresses)| {
                let addresses = addresses.and_then(|addresses| {
                    let hosts = || addresses.iter().map(|address| address.ip().to_canonical());
                    if hosts().any(|host| voters.contains(&host)) {
                        return Err(SourceError::SameHost);
                    }
                    voters.extend(hosts());
                    Ok(addresses)
                });
                (server, addresses)
            })
            .collect();
        let names: Vec<String> = asked.iter().map(|(server, _)| server.to_string()).collect();
        // At once: an answer that waits in a socket's buffer would count as a longer way.
        let outcomes = at_once(asked.into_iter(), |(server, addresses)| {
            server.ask_unless_resting(base, &addresses?)
        });
        names
            .into_iter()
            .zip(outcomes)
            .map(|(name, outcome)| SourceReport { name, outcome })
            .collect()
    }
}

/// Each of `all` in a thread of its own, as each may wait.
fn at_once<T: Send, R: Send>(
    all: impl Iterator<Item = T>,
    act: impl Fn(T) -> Result<R, SourceError> + Sync,
) -> Vec<Result<R, SourceError>> {
    thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = all
            .map(|one| {
                thread::Builder::new()
                    .name("sntp".into())
                    .spawn_scoped(scope, move || act(one))
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .map_err(|_| SourceError::System)
                    .and_then(|thread| thread.join().map_err(|_| SourceError::System))
                    .flatten()
            })
            .collect()
    })
}

#[derive(Debug)]
struct Server {
    host: String,
    port: u16,
    rest: Rest,
}

/// What a kiss-o'-death packet made us do (RFC 5905 §7.4).
#[derive(Debug, Default)]
struct Rest {
    /// The code, and how long the server is left alone.
    now: Option<([u8; 4], Until)>,
    /// The length of the last rest after RATE, in polls.
    last: u32,
}

#[derive(Clone, Copy, Debug)]
enum Until {
    /// So many polls are left out yet.
    Polls(u32),
    Instant(Instant),
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            _ => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl Server {
    fn parse(text: &str) -> Result<Self, ServerAddressError> {
        let malformed = || ServerAddressError::Malformed(text.chars().take(200).collect());
        let (host, port) = if let Ok(address) = text.parse::<SocketAddr>() {
            (address.ip().to_string(), address.port())
        } else if let Ok(address) = text.parse::<IpAddr>() {
            (address.to_string(), NTP_PORT)
        } else if let Some((host, port)) = text.split_once(':') {
            (host.to_owned(), port.parse().map_err(|_| malformed())?)
        } else {
            (text.to_owned(), NTP_PORT)
        };
        // Names are the same in either case and with the final dot (RFC 4343, RFC 1034 §3.1), and addresses as IPv6 too.
        let mut host = host.to_ascii_lowercase();
        if host.ends_with('.') {
            host.pop();
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            host = address.to_canonical().to_string();
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(plain) || port == 0 {
            return Err(malformed());
        }
        Ok(Self {
            host,
            port,
            rest: Rest::default(),
        })
    }

    fn resolve(&self) -> Result<Vec<SocketAddr>, SourceError> {
        (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map(Iterator::collect)
            .map_err(|_| SourceError::NoAddress)
    }

    fn ask_unless_resting(
        &mut self,
        base: &Moment,
        addresses: &[SocketAddr],
    ) -> Result<OffsetInterval, SourceError> {
        if let Some((code, until)) = self.rest.now {
            let rests = match until {
                Until::Polls(left) => left > 0,
                Until::Instant(end) => base.before < end,
            };
            if let Until::Polls(left) = until {
                self.rest.now = Some((code, Until::Polls(left.saturating_sub(1))));
            }
            if rests {
                return Err(SourceError::Resting(code));
            }
            self.rest.now = None;
        }
        let outcome = Self::ask(base, addresses);
        match outcome {
            Err(SourceError::Kiss(code)) => match &code {
                b"DENY" | b"RSTR" => {
                    self.rest.now = Some((code, Until::Instant(base.before + DENIED_REST)));
                }
                b"RATE" => {
                    self.rest.last = (self.rest.last * 2).clamp(1, MAX_REST);
                    self.rest.now = Some((code, Until::Polls(self.rest.last)));
                }
                _ => {}
            },
            Ok(_) => self.rest.last = 0,
            Err(_) => {}
        }
        outcome
    }

    fn ask(base: &Moment, addresses: &[SocketAddr]) -> Result<OffsetInterval, SourceError> {
        let socket = Self::connect(addresses)?;
        // RFC 5905 calls for the client's time here; a random number instead lets nobody who does not see the question answer it,
        // and tells the server nothing.
        let nonce: [u8; 8] = crate::key::random_bytes().map_err(|_| SourceError::System)?;
        let mut request = [0; PACKET_LEN];
        request[0] = 0b00_100_011; // no warning, version 4, client
        request[40..].copy_from_slice(&nonce);
        let sent = Instant::now();
        socket.send(&request).map_err(|_| SourceError::NoAnswer)?;
        let mut none = SourceError::NoAnswer;
        // Longer packets carry extensions and MACs that nobody asked for; what is beyond the buffer is cut.
        let mut buffer = [0; 512];
        loop {
            let left = PATIENCE.saturating_sub(sent.elapsed());
            if left.is_zero() {
                return Err(none);
            }
            socket
                .set_read_timeout(Some(left))
                .map_err(|_| SourceError::System)?;
            // An ICMP error may be forged: it ends nothing but this poll, as silence does.
            let Ok(length) = socket.recv(&mut buffer) else {
                return Err(none);
            };
            let received = Instant::now();
            // What does not answer our question is left aside, so that forgeries do not keep the true answer out.
            let Some(answer) = buffer
                .get(..length)
                .and_then(|bytes| Answer::parse(bytes, &nonce))
            else {
                none = SourceError::Bogus;
                continue;
            };
            let local = |instant: Instant| {
                ntp_timestamp(base.wall + instant.saturating_duration_since(base.before))
            };
            let pair = nanos(base.after.saturating_duration_since(base.before));
            return answer.interval(local(sent), local(received), pair);
        }
    }

    fn connect(addresses: &[SocketAddr]) -> Result<UdpSocket, SourceError> {
        let mut why = SourceError::NoAddress;
        for address in addresses {
            let any = match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            };
            // A port of the system's choice for each question; connected, so that only this server is heard.
            let socket = UdpSocket::bind((any, 0))
                .and_then(|socket| socket.connect(address).map(|()| socket));
            match socket {
                Ok(socket) => return Ok(socket),
                Err(_) => why = SourceError::NoAnswer,
            }
        }
        Err(why)
    }
}

/// NTP's timestamp of a time since 1970: 32 bits of seconds since 1900, modulo 2³² as the eras go by, and 32 of fraction
/// (RFC 5905 §6).
fn ntp_timestamp(unix: Duration) -> u64 {
    let fraction = (u64::from(unix.subsec_nanos()) << 32) / 1_000_000_000;
    unix.as_secs().wrapping_add(NTP_TO_UNIX) << 32 | fraction
}

/// Nanoseconds from `earlier` to `later`, right across eras while they are less than 68 years apart (RFC 5905 §6).
fn between(later: u64, earlier: u64) -> i64 {
    let difference = i128::from(later.wrapping_sub(earlier).cast_signed());
    let nanos = (difference * 1_000_000_000) >> 32;
    i64::try_from(nanos).unwrap_or(i64::MAX)
}

/// A server's packet, which answers our question:
///
/// ```text
///  0  leap indicator (2 bits), version (3), mode (3)    16  reference timestamp
///  1  stratum    2  poll    3  precision                 24  origin timestamp: what we sent
///  4  root delay    8  root dispersion                   32  receive timestamp
/// 12  reference id, or the kiss code                     40  transmit timestamp
/// ```
#[derive(Clone, Copy, Debug)]
struct Answer {
    leap: u8,
    stratum: u8,
    precision: i8,
    root_delay: Duration,
    root_dispersion: Duration,
    reference_id: [u8; 4],
    receive: u64,
    transmit: u64,
}

impl Answer {
    /// `None` for whatever is no server's answer to the question that held `nonce`.
    fn parse(bytes: &[u8], nonce: &[u8; 8]) -> Option<Self> {
        let header: &[u8; PACKET_LEN] = bytes.first_chunk()?;
        let field = |at: usize| -> Option<[u8; 4]> { header.get(at..at + 4)?.try_into().ok() };
        let timestamp = |at: usize| -> Option<u64> {
            Some(u64::from_be_bytes(header.get(at..at + 8)?.try_into().ok()?))
        };
        // 16 bits of seconds, 16 of fraction.
        let short = |at: usize| -> Option<Duration> {
            let value = u64::from(u32::from_be_bytes(field(at)?));
            Some(Duration::from_nanos((value * 1_000_000_000) >> 16))
        };
        let [first, stratum, _, precision, ..] = *header;
        let (version, mode) = (first >> 3 & 0b111, first & 0b111);
        if !(3..=4).contains(&version) || mode != 4 || header.get(24..32)? != nonce {
            return None;
        }
        Some(Self {
            leap: first >> 6,
            stratum,
            precision: precision.cast_signed(),
            root_delay: short(4)?,
            root_dispersion: short(8)?,
            reference_id: field(12)?,
            receive: timestamp(32)?,
            transmit: timestamp(40)?,
        })
    }

    /// Bounds of the server's time less ours, where ours was `sent` and `received`, and may be read `pair` nanoseconds off.
    ///
    /// The question arrived after it left, and so did the answer: however the way divides, truth lies within.
    fn interval(&self, sent: u64, received: u64, pair: i64) -> Result<OffsetInterval, SourceError> {
        if self.stratum == 0 && self.reference_id.iter().all(u8::is_ascii_uppercase) {
            return Err(SourceError::Kiss(self.reference_id));
        }
        if self.leap == 3 || self.stratum == 0 || self.stratum >= 16 {
            return Err(SourceError::Unsynchronised);
        }
        if self.receive == 0 || self.transmit == 0 || between(self.transmit, self.receive) < 0 {
            return Err(SourceError::Inconsistent);
        }
        // How exactly the server reads its own clock: 2^precision seconds.
        let precision = match u32::from(self.precision.unsigned_abs()) {
            0 => Duration::from_secs(1),
            bits if self.precision < 0 => Duration::from_nanos((1_000_000_000 >> bits.min(30)) + 1),
            bits => Duration::from_secs(1 << bits.min(30)),
        };
        // RFC 5905 §11.2: half of the delay to the reference, and what the server could not bound better.
        let own = self.root_delay / 2 + self.root_dispersion + precision;
        let own = nanos(own).saturating_add(pair);
        let low = between(self.transmit, received).saturating_sub(own);
        let high = between(self.receive, sent).saturating_add(own);
        let interval = OffsetInterval::new(low, high).ok_or(SourceError::Inconsistent)?;
        let distance = interval.uncertainty();
        if distance > MAX_DISTANCE {
            return Err(SourceError::TooFar { distance });
        }
        Ok(interval)
    }
}

#[cfg(test)]
mod tests;
