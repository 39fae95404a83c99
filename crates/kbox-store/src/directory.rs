// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The data directory: one version, one process.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kbox_proof::store::StoreError;

/// Content of the version file.
const VERSION: &str = "kbox-data 3";
/// Content of the version file of a backup: it is to be restored from, never written to.
const BACKUP: &str = "kbox-backup 3";
/// What the version file of any backup begins with.
const ANY_BACKUP: &str = "kbox-backup ";
const VERSION_FILE: &str = "VERSION";
const VERSION_PART: &str = "VERSION.part";
const LOCK_FILE: &str = "LOCK";
/// Which file [`LOCK_FILE`] was when this directory was last written: a copy has another.
const PLACE_FILE: &str = "PLACE";
/// Logs that the one in this directory goes on for.
const CLOSED: &str = "closed";
/// There while a restore is under way.
const RESTORING: &str = "restoring";
/// Keys that the operator put there before the first start.
const KEYS: &str = "keys";
const DATABASE: &str = "db";
const LOCK_ATTEMPTS: u32 = 25;
const LOCK_PAUSE: Duration = Duration::from_millis(20);
/// Written below the free space of a disk, RocksDB can no longer flush and compact: then only a restart helps.
const RESERVE: u64 = 128 << 20;

/// Whether a log was begun in `path`. Makes nothing there.
#[must_use]
pub fn is_data_directory(path: &Path) -> bool {
    path.join(VERSION_FILE).is_file()
}

/// Refuses a backup, or a log that was closed by a restore: none is ever continued. Makes nothing there.
///
/// # Errors
/// [`StoreError::Backup`].
pub fn check_not_closed(path: &Path) -> Result<(), StoreError> {
    match fs::read_to_string(path.join(VERSION_FILE)) {
        Ok(found) if found.trim_end() == BACKUP => Err(StoreError::Backup {
            path: path.display().to_string(),
        }),
        // Whatever else is wrong with it, opening it says.
        _ => Ok(()),
    }
}

/// A data directory or backup that no other process has open, as long as this is kept.
#[derive(Debug)]
pub struct Stopped {
    path: PathBuf,
    _lock: File,
}

impl Stopped {
    /// Takes a directory without opening its log.
    ///
    /// # Errors
    /// [`StoreError::Held`], [`StoreError::Directory`] when no log is there.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        Directory::to_read(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            _lock: lock(path)?,
        })
    }

    /// Whether a log was recorded in it; a backup only copied one.
    #[must_use]
    pub fn is_data(&self) -> bool {
        self.path.join(PLACE_FILE).exists()
    }

    /// From now on it is a backup, which nothing continues.
    ///
    /// # Errors
    /// [`StoreError::Directory`].
    pub fn close(self) -> Result<(), StoreError> {
        let found = fs::read_to_string(self.path.join(VERSION_FILE));
        if found.is_ok_and(|found| found.trim_end() == BACKUP) {
            return Ok(());
        }
        write_durably(&self.path, VERSION_FILE, BACKUP)
    }

    /// Says that it was moved as it was, and that no other copy of it is left.
    ///
    /// # Errors
    /// [`StoreError::Directory`], or [`StoreError::Backup`].
    pub fn confirm_place(self) -> Result<(), StoreError> {
        let problem = |error: io::Error| problem(&self.path, &error);
        let found = fs::read_to_string(self.path.join(VERSION_FILE)).map_err(problem)?;
        if found.trim_end() != VERSION {
            return Err(StoreError::Backup {
                path: self.path.display().to_string(),
            });
        }
        let here = place(&self._lock).map_err(problem)?;
        write_durably(&self.path, PLACE_FILE, &here)
    }
}

/// What a copy of a file has otherwise, and what moving it within its file system, a restart or a mount leaves as it is: its inode and
/// when that was made, where the file system says so.
fn place(lock: &File) -> io::Result<String> {
    let metadata = lock.metadata()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    let born = metadata.created().ok();
    let born = born.and_then(|born| born.duration_since(std::time::UNIX_EPOCH).ok());
    Ok(match born {
        Some(born) => format!(
            "inode {inode} of {}.{:09}",
            born.as_secs(),
            born.subsec_nanos()
        ),
        None => format!("inode {inode}"),
    })
}

/// A data directory that this process alone has open.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    is_backup: bool,
    /// No database was ever whole in it.
    is_new: bool,
    /// Locked while it is open.
    _lock: File,
}

impl Directory {
    /// Takes `path`, making it, for this user alone, when it does not exist; one that is empty but for keys will do.
    pub(crate) fn take(path: &Path) -> Result<Self, StoreError> {
        let problem = |error: io::Error| problem(path, &error);
        make_private(path)?;
        let version = path.join(VERSION_FILE);
        // The version is looked at before anything is written: a directory of somebody else's stays as it is.
        let is_new = match fs::read(&version) {
            Ok(found) => {
                let found = String::from_utf8_lossy(&found);
                if found.trim_end() == BACKUP {
                    return Err(StoreError::Backup {
                        path: path.display().to_string(),
                    });
                }
                if found.trim_end() != VERSION {
                    return Err(StoreError::Version {
                        path: path.display().to_string(),
                        found: found.trim_end().chars().take(40).collect(),
                        expected: VERSION,
                    });
                }
                false
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let ours = [
                    LOCK_FILE,
                    VERSION_PART,
                    PLACE_FILE,
                    KEYS,
                    CLOSED,
                    RESTORING,
                    "lost+found",
                ];
                for entry in fs::read_dir(path).map_err(problem)? {
                    let name = entry.map_err(problem)?.file_name();
                    // One whose making was broken off: it holds no log yet.
                    let broken_off =
                        name.to_str() == Some(DATABASE) && path.join(PLACE_FILE).is_file();
                    if !broken_off && !ours.iter().any(|ours| name.to_str() == Some(ours)) {
                        return Err(StoreError::NotData {
                            path: path.display().to_string(),
                        });
                    }
                }
                true
            }
            Err(error) => return Err(problem(error)),
        };
        let lock = lock(path)?;
        let here = place(&lock).map_err(problem)?;
        match fs::read_to_string(path.join(PLACE_FILE)) {
            Ok(found) if !is_new && found.trim_end() != here => {
                return Err(StoreError::Moved {
                    path: path.display().to_string(),
                    found: here,
                    expected: found.trim_end().chars().take(80).collect(),
                });
            }
            Ok(found) if found.trim_end() == here => {}
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(problem(error)),
            // A new one, or one of a version that did not look.
            _ => write_durably(path, PLACE_FILE, &here)?,
        }
        Ok(Self {
            path: path.to_path_buf(),
            is_backup: false,
            is_new,
            _lock: lock,
        })
    }

    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Says that its database is there: from now on it is never made anew, since that would begin a second log of one name.
    pub(crate) fn begun(&mut self) -> Result<(), StoreError> {
        if self.is_new {
            write_durably(&self.path, VERSION_FILE, VERSION)?;
            self.is_new = false;
        }
        Ok(())
    }

    /// The error for a directory of something else.
    pub(crate) fn not_data(&self) -> StoreError {
        StoreError::NotData {
            path: self.path.display().to_string(),
        }
    }

    /// Takes a backup, to erase in it.
    pub(crate) fn take_backup(path: &Path) -> Result<Self, StoreError> {
        match fs::read_to_string(path.join(VERSION_FILE)) {
            Ok(found) if found.trim_end() == BACKUP => Ok(Self {
                path: path.to_path_buf(),
                is_backup: true,
                is_new: false,
                _lock: lock(path)?,
            }),
            Ok(found) if found.starts_with(ANY_BACKUP) => Err(StoreError::Version {
                path: path.display().to_string(),
                found: found.trim_end().chars().take(40).collect(),
                expected: BACKUP,
            }),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(problem(path, &error)),
            _ => Err(StoreError::NoBackup {
                path: path.display().to_string(),
            }),
        }
    }

    /// Where it is, if it is a backup.
    pub(crate) fn backup(&self) -> Option<String> {
        self.is_backup.then(|| self.path.display().to_string())
    }

    /// The database of a data directory or backup, untaken.
    pub(crate) fn to_read(path: &Path) -> Result<PathBuf, StoreError> {
        let shown = path.display().to_string();
        match fs::read_to_string(path.join(VERSION_FILE)) {
            Ok(found) if [VERSION, BACKUP].contains(&found.trim_end()) => Ok(path.join(DATABASE)),
            Ok(found) => Err(StoreError::Version {
                path: shown,
                found: found.trim_end().chars().take(40).collect(),
                expected: VERSION,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Directory {
                path: shown,
                problem: "no log was begun there, nor is it a backup".to_string(),
            }),
            Err(error) => Err(problem(path, &error)),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join(DATABASE)
    }

    /// Refuses when `bytes` more would leave too little room.
    pub(crate) fn check_room(&self, bytes: u64) -> Result<(), StoreError> {
        check_room(&self.path, bytes)
    }
}

/// Refuses a data directory whose database is not there any more, or none of its write-ahead logs. The engine would make the one anew, and take
/// the other for one in which nothing was written.
///
/// # Errors
/// [`StoreError::Gone`], [`StoreError::Directory`].
pub fn check_whole(path: &Path) -> Result<(), StoreError> {
    let database = path.join(DATABASE);
    let gone = |file: PathBuf| StoreError::Gone {
        file: file.display().to_string(),
    };
    let current = database.join("CURRENT");
    if !current
        .try_exists()
        .map_err(|error| problem(path, &error))?
    {
        return Err(gone(current));
    }
    let version = fs::read_to_string(path.join(VERSION_FILE));
    if version.is_ok_and(|found| found.trim_end() == BACKUP) && !path.join(PLACE_FILE).exists() {
        // All of a copy is in tables; a data directory that was closed is as it was left.
        return Ok(());
    }
    // A writer makes the next one before it removes the last; who reads the names meanwhile may see neither.
    for _ in 0..LOCK_ATTEMPTS {
        for file in fs::read_dir(&database).map_err(|error| problem(path, &error))? {
            let file = file.map_err(|error| problem(path, &error))?.path();
            if file.extension().is_some_and(|ending| ending == "log") {
                return Ok(());
            }
        }
        std::thread::sleep(LOCK_PAUSE);
    }
    Err(gone(database.join("*.log")))
}

/// What this user may still write to the disk of a data directory.
///
/// # Errors
/// [`StoreError::Directory`].
pub fn free_bytes(path: &Path) -> Result<u64, StoreError> {
    let stat = rustix::fs::statvfs(path).map_err(|error| StoreError::Directory {
        path: path.display().to_string(),
        problem: error.to_string(),
    })?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// A backup that is being written: none until [`NewBackup::finish`].
pub(crate) struct NewBackup<'a>(&'a Path);

impl<'a> NewBackup<'a> {
    /// In a new directory, for this user alone, or one that is empty but for keys.
    pub(crate) fn begin(path: &'a Path) -> Result<Self, StoreError> {
        make_private(path)?;
        for entry in fs::read_dir(path).map_err(|error| problem(path, &error))? {
            let name = entry.map_err(|error| problem(path, &error))?.file_name();
            if ![KEYS, CLOSED]
                .iter()
                .any(|ours| name.to_str() == Some(ours))
            {
                return Err(StoreError::NotData {
                    path: path.display().to_string(),
                });
            }
        }
        Ok(Self(path))
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join(DATABASE)
    }

    /// Says that it is whole.
    pub(crate) fn finish(self) -> Result<(), StoreError> {
        write_durably(self.0, VERSION_FILE, BACKUP)
    }
}

/// Waits half a second for whoever has it: a process that this one is just starting has the lock of a directory closed meanwhile,
/// until it runs its own program.
fn take_lock(lock: &File) -> Result<(), TryLockError> {
    for _ in 0..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
            other => return other,
        }
    }
    lock.try_lock()
}

/// For this process alone, as long as the file is open.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut options = File::options();
    let lock = options
        .create(true)
        .truncate(false)
        .write(true)
        .open(path.join(LOCK_FILE));
    let lock = lock.map_err(|error| problem(path, &error))?;
    take_lock(&lock).map_err(|error| match error {
        TryLockError::WouldBlock => StoreError::Held {
            path: path.display().to_string(),
        },
        TryLockError::Error(error) => problem(path, &error),
    })?;
    Ok(lock)
}

fn problem(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Directory {
        path: path.display().to_string(),
        problem: error.to_string(),
    }
}

fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|error| problem(path, &error))
}

/// Durably, whole or not at all.
fn write_durably(path: &Path, name: &str, line: &str) -> Result<(), StoreError> {
    let write = || -> io::Result<()> {
        let part = path.join(VERSION_PART);
        let mut file = File::create(&part)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&part, path.join(name))?;
        File::open(path)?.sync_all()
    };
    write().map_err(|error| problem(path, &error))
}

/// Refuses with [`StoreError::Full`] when the disk of a data directory has less room than `bytes` more would need.
///
/// # Errors
/// [`StoreError::Full`], [`StoreError::Directory`].
pub fn check_room(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let free = free_bytes(path)?;
    // Each byte is written to the WAL and again to a table.
    let needed = bytes.saturating_mul(2).saturating_add(RESERVE);
    if free < needed {
        Err(StoreError::Full { free, needed })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_directory_has_one_owner_and_keeps_its_version() {
        let dir = tempfile::tempdir().unwrap();
        let mut taken = Directory::take(dir.path()).unwrap();
        assert!(matches!(
            Directory::take(dir.path()),
            Err(StoreError::Held { .. })
        ));
        taken.begun().unwrap();
        drop(taken);
        Directory::take(dir.path()).unwrap();
        fs::write(dir.path().join(VERSION_FILE), "kbox-data 9\n").unwrap();
        let error = Directory::take(dir.path()).unwrap_err();
        assert!(error.to_string().contains("kbox-data 9"), "{error}");
    }

    #[test]
    fn a_copied_directory_is_not_continued_unless_somebody_says_that_it_was_moved() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        Directory::take(&one).unwrap().begun().unwrap();
        fs::create_dir(&other).unwrap();
        for file in fs::read_dir(&one).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), other.join(file.file_name())).unwrap();
        }
        // The lock file of the original is still there: the copy's is another.
        let error = Directory::take(&other).unwrap_err();
        assert!(matches!(error, StoreError::Moved { .. }), "{error}");
        assert!(error.to_string().contains("kbox-server moved"), "{error}");
        drop(Directory::take(&one).unwrap());
        Stopped::take(&other).unwrap().confirm_place().unwrap();
        drop(Directory::take(&other).unwrap());
        // Renamed, it is the same.
        let renamed = dir.path().join("renamed");
        fs::rename(&one, &renamed).unwrap();
        drop(Directory::take(&renamed).unwrap());
        // Closed, nothing goes on with it, and no word makes it a log again.
        Stopped::take(&renamed).unwrap().close().unwrap();
        assert!(matches!(
            Directory::take(&renamed),
            Err(StoreError::Backup { .. })
        ));
        assert!(Stopped::take(&renamed).unwrap().confirm_place().is_err());
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("budget.xls"), "x").unwrap();
        assert!(matches!(
            Directory::take(dir.path()),
            Err(StoreError::NotData { .. })
        ));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_directory_that_holds_the_operators_keys_alone_is_new() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(KEYS)).unwrap();
        Directory::take(dir.path()).unwrap().begun().unwrap();
        assert!(dir.path().join(VERSION_FILE).is_file());
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_of_our_making_is_for_this_user_alone_and_others_stay_as_they_are() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let made = dir.path().join("data");
        Directory::take(&made).unwrap();
        assert_eq!(mode(&made), 0o700);
        let given = dir.path().join("given");
        fs::create_dir(&given).unwrap();
        fs::set_permissions(&given, fs::Permissions::from_mode(0o750)).unwrap();
        Directory::take(&given).unwrap();
        assert_eq!(mode(&given), 0o750);
    }

    #[test]
    fn a_full_disk_is_refused_with_figures() {
        let dir = tempfile::tempdir().unwrap();
        let taken = Directory::take(dir.path()).unwrap();
        assert!(matches!(
            taken.check_room(u64::MAX / 4),
            Err(StoreError::Full { .. })
        ));
    }
}
