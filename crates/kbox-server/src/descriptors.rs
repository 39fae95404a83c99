// SPDX-License-Identifier: Apache-2.0 OR MIT
//! File descriptors: clients must not take those by which the store opens its next file, as the log ends without it.

use std::fmt;

/// Kept from clients: for the store's files, of which it keeps up to 512 tables open, mail relays, time servers.
const RESERVE: u64 = 640;
/// Fewer connections than this are no service.
const LEAST_CONNECTIONS: u64 = 64;
/// Fewer free descriptors than this are a fault: the store took more than was foreseen.
const SHORT: u64 = 64;

/// Why nothing starts.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooFewDescriptors {
    limit: u64,
    open: u64,
}

impl fmt::Display for TooFewDescriptors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "this process may open {} files and has {} open; it needs {} at least, of which {RESERVE} are kept for the \
             store. Raise the limit: LimitNOFILE= in a systemd unit, `ulimit -Hn` in a shell",
            self.limit,
            self.open,
            self.open + RESERVE + LEAST_CONNECTIONS
        )
    }
}

impl std::error::Error for TooFewDescriptors {}

/// Raises the limit of this process as far as it may; to be called before anything is opened.
pub(crate) fn raise() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limits = getrlimit(Resource::Nofile);
        // Where the system takes less than it says, what was there stays.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: limits.maximum,
                maximum: limits.maximum,
            },
        );
    }
}

/// How many connections there may be, at most `most`, after all that is open now.
pub(crate) fn connections(most: usize) -> Result<usize, TooFewDescriptors> {
    match limit() {
        None => Ok(most),
        Some(limit) => allowed(limit, open().unwrap_or(0), most),
    }
}

fn allowed(limit: u64, open: u64, most: usize) -> Result<usize, TooFewDescriptors> {
    let left = limit.saturating_sub(open).saturating_sub(RESERVE);
    if left < LEAST_CONNECTIONS {
        return Err(TooFewDescriptors { limit, open });
    }
    Ok(usize::try_from(left).unwrap_or(usize::MAX).min(most))
}

/// How many this process may have; none where there is no limit.
#[cfg(unix)]
pub(crate) fn limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
pub(crate) fn limit() -> Option<u64> {
    None
}

/// How many this process has; none where the system does not say.
#[cfg(target_os = "linux")]
pub(crate) fn open() -> Option<u64> {
    match std::fs::read_dir("/proc/self/fd") {
        // The one that reads is not counted.
        Ok(all) => u64::try_from(all.count().saturating_sub(1)).ok(),
        // None is left even for this.
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::MFILE.raw_os_error()) => {
            limit()
        }
        Err(_) => None,
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn open() -> Option<u64> {
    None
}

/// How many are left, when that is so few that the store may find none.
pub(crate) fn short() -> Option<u64> {
    let left = limit()?.saturating_sub(open()?);
    (left < SHORT).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_get_what_the_store_does_not_need() {
        assert_eq!(allowed(1 << 20, 40, 1024), Ok(1024));
        assert_eq!(allowed(1024, 40, 1024), Ok(1024 - 40 - 640));
        assert_eq!(allowed(744, 40, 1024), Ok(64));
        let refused = TooFewDescriptors {
            limit: 743,
            open: 40,
        };
        assert_eq!(allowed(743, 40, 1024), Err(refused));
        assert!(allowed(0, 0, 1024).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_open_is_counted() {
        let before = open();
        assert!(before.is_some_and(|count| count >= 3), "{before:?}");
        assert_eq!(short(), None);
    }
}
