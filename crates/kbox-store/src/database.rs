// SPDX-License-Identifier: Apache-2.0 OR MIT
//! RocksDB as the store uses it: rows by key, each in the family that its key belongs to, one write-ahead log for all of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kbox_proof::store::StoreError;
use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor,
    CompactOptions, DB, DBCompressionType, DBPinnableSlice, DBRecoveryMode, Direction,
    FlushOptions, IteratorMode, LiveFile, Options, WriteBatch, WriteOptions,
};

use crate::codec::Family;

/// Flushed to a table at this size; small, so that the reserve of free space covers it well.
const WRITE_BUFFER_BYTES: usize = 32 << 20;
/// Entries are compressed to a third, and never merged: as many tables as they have been flushed to are there for ever, and each takes its
/// microseconds whenever the log is opened.
const ENTRIES_BUFFER_BYTES: usize = 64 << 20;
/// From here on the family that holds the oldest of the write-ahead log is flushed, however little that is.
const MAX_LOG_BYTES: u64 = 96 << 20;
const BLOCK_CACHE_BYTES: usize = 64 << 20;
/// Rows of one kind that are compressed together: a token differs little from the one before, so that four times the default
/// takes a seventh less disk.
const COMPRESSED_BYTES: usize = 16 << 10;
/// Tables that stay open: whoever embeds the store keeps so many descriptors for it. Those that new request ids are looked for in must
/// be among them, or each look-up opens some: of a hundred million entries they are two hundred.
const OPEN_TABLES: i32 = 512;

/// Of a filter, for each key: it errs once in a thousand times.
const FILTER_BITS: f64 = 15.0;

/// Whoever still reads a retired file keeps it so long at most: nobody reads for longer than an answer takes.
const GONE_WITHIN: Duration = Duration::from_secs(5);
/// A table is rewritten with its neighbours one level below, never a whole family at once.
const MAX_REWRITTEN_BYTES: u64 = 1 << 30;
const GONE_PAUSE: Duration = Duration::from_millis(5);

/// Tables of indexes that are merged at once with those of earlier merges.
const MERGED_TABLES: i32 = 8;

/// The system's words in the engine's, which passes no code on (EMFILE).
const NO_DESCRIPTOR_LEFT: &str = "Too many open files";

/// A key and its value.
pub(crate) type Row = (Box<[u8]>, Box<[u8]>);

pub(crate) struct Database {
    db: DB,
    /// The newest table that was there before this process opened it.
    newest: u64,
}

pub(crate) fn engine(error: rocksdb::Error) -> StoreError {
    let words = error.into_string();
    if words.contains(NO_DESCRIPTOR_LEFT) {
        StoreError::OpenFiles(words)
    } else {
        StoreError::Engine(words)
    }
}

fn still_there(file: &Path) -> StoreError {
    StoreError::StillThere {
        file: file.display().to_string(),
    }
}

fn problem(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Directory {
        path: path.display().to_string(),
        problem: error.to_string(),
    }
}

/// The files of a database whose name ends so.
fn files(path: &Path, ending: &str) -> Result<Vec<PathBuf>, StoreError> {
    let mut files = Vec::new();
    for file in std::fs::read_dir(path).map_err(|error| problem(path, &error))? {
        let file = file.map_err(|error| problem(path, &error))?.path();
        if file.extension().is_some_and(|found| found == ending) {
            files.push(file);
        }
    }
    Ok(files)
}

fn number(file: &Path) -> Option<u64> {
    file.file_stem()?.to_str()?.parse().ok()
}

/// How a database is opened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// Made if it is not there.
    Any,
    /// It must be there.
    Existing,
    /// It must not be there.
    New,
}

fn options() -> Result<Options, StoreError> {
    // Room that is set aside beforehand must be marked as used by each sync: a fifth more time for a lone commit.
    // When tables with many deletions are merged is said by their contents: of no use here, where erasing has them merged at once, and twenty
    // tables of each family would be read for it whenever the log is opened.
    // Several write-ahead logs are there while families are flushed apart. The engine would not miss one in their middle, nor
    // the end of one: what was acknowledged in it would be gone from some families and not from others.
    let mut options = Options::default()
        .get_options_from_string(
            "allow_fallocate=false;skip_stats_update_on_db_open=true;track_and_verify_wals_in_manifest=true",
        )
        .map_err(engine)?;
    options.set_max_total_wal_size(MAX_LOG_BYTES);
    options.set_paranoid_checks(true);
    // A record cut off at the end of the log was never acknowledged. Damage anywhere before it must not pass as the
    // end: the default would silently drop acknowledged commits after it.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.set_keep_log_file_num(3);
    Ok(options)
}

fn families() -> Result<Vec<ColumnFamilyDescriptor>, StoreError> {
    let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
    let family = |family: Family| {
        let mut table = BlockBasedOptions::default();
        table.set_block_cache(&cache);
        // The rows of a kind come in their order: the next is looked for from the place of the one before.
        let mut options = Options::default()
            .get_options_from_string("memtable_insert_with_hint_prefix_extractor=fixed:1")
            .map_err(engine)?;
        if family == Family::Indexes {
            // Most look-ups are for request ids that do not exist yet. A filter that errs has a block read, of a large log from
            // the disk, while everybody waits: with the usual 10 bits a key that was one of 14 look-ups.
            table.set_bloom_filter(FILTER_BITS, false);
            options.set_memtable_prefix_bloom_ratio(0.02);
            options.set_memtable_whole_key_filtering(true);
            // New tables are merged with the old ones, whose keys lie anywhere, when they are as many as it takes to be worth it.
            options.set_level_zero_file_num_compaction_trigger(MERGED_TABLES);
        }
        if family == Family::Entries {
            options.set_compression_type(DBCompressionType::Lz4);
            table.set_block_size(COMPRESSED_BYTES);
        } else {
            // Digests cannot be compressed; and who looks for a name in the files shall find it.
            options.set_compression_type(DBCompressionType::None);
        }
        options.set_block_based_table_factory(&table);
        options.set_write_buffer_size(match family {
            Family::Entries => ENTRIES_BUFFER_BYTES,
            _ => WRITE_BUFFER_BYTES,
        });
        Ok(ColumnFamilyDescriptor::new(family.name(), options))
    };
    Family::ALL.into_iter().map(family).collect()
}

impl Database {
    pub(crate) fn open(path: &Path, opening: Opening) -> Result<Self, StoreError> {
        let mut options = options()?;
        options.set_max_open_files(OPEN_TABLES);
        // By default the tables that stay open are shared out among 64 lists of two: those in use would be opened and closed
        // again and again.
        options.set_table_cache_num_shard_bits(0);
        options.create_if_missing(opening != Opening::Existing);
        options.create_missing_column_families(opening != Opening::Existing);
        options.set_error_if_exists(opening == Opening::New);
        let newest = match path.exists() {
            true => files(path, "sst")?
                .iter()
                .filter_map(|file| number(file))
                .max(),
            false => None,
        };
        let newest = newest.unwrap_or_default();
        DB::open_cf_descriptors(&options, path, families()?)
            .map(|db| Self { db, newest })
            .map_err(engine)
    }

    /// As it is now, while another process may go on writing.
    pub(crate) fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let mut options = options()?;
        // All tables are opened now: a writer may delete them while they are read.
        options.set_max_open_files(-1);
        DB::open_cf_descriptors_read_only(&options, path, families()?, false)
            .map(|db| Self { db, newest: 0 })
            .map_err(engine)
    }

    fn family(&self, family: Family) -> Result<&ColumnFamily, StoreError> {
        let name = family.name();
        self.db
            .cf_handle(name)
            .ok_or_else(|| StoreError::Engine(format!("it has no column family {name:?}")))
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<DBPinnableSlice<'_>>, StoreError> {
        let family = self.family(Family::of(key))?;
        self.db.get_pinned_cf(family, key).map_err(engine)
    }

    /// The values of keys of one family, in their order.
    pub(crate) fn get_all(
        &self,
        family: Family,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Option<DBPinnableSlice<'_>>>, StoreError> {
        let family = self.family(family)?;
        let found = self.db.batched_multi_get_cf(family, keys, false);
        found
            .into_iter()
            .map(|value| value.map_err(engine))
            .collect()
    }

    /// The rows of a key's family from it on.
    pub(crate) fn rows(
        &self,
        from: &[u8],
        direction: Direction,
    ) -> Result<impl Iterator<Item = Result<Row, StoreError>>, StoreError> {
        let family = self.family(Family::of(from))?;
        let rows = self
            .db
            .iterator_cf(family, IteratorMode::From(from, direction));
        Ok(rows.map(|row| row.map_err(engine)))
    }

    /// Every row of every family, key and value, as they all are at one moment: what is written meanwhile is not seen.
    pub(crate) fn for_each_row(
        &self,
        mut each: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let now = self.db.snapshot();
        for family in Family::ALL {
            let mut rows = now.raw_iterator_cf(self.family(family)?);
            rows.seek_to_first();
            while let Some((key, value)) = rows.item() {
                each(key, value)?;
                rows.next();
            }
            rows.status().map_err(engine)?;
        }
        Ok(())
    }

    pub(crate) fn batch(&self) -> Result<Batch<'_>, StoreError> {
        self.batch_of(0)
    }

    /// A batch that need not grow before it holds so many bytes.
    pub(crate) fn batch_of(&self, bytes: usize) -> Result<Batch<'_>, StoreError> {
        Ok(Batch {
            families: [
                self.family(Family::Entries)?,
                self.family(Family::Personal)?,
                self.family(Family::Indexes)?,
                self.family(Family::Others)?,
            ],
            rows: WriteBatch::with_capacity_bytes(bytes),
        })
    }

    /// Returns once it is durable.
    pub(crate) fn write(&self, batch: Batch<'_>) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db.write_opt(batch.rows, &options).map_err(engine)
    }

    /// Durable after [`Database::flush`] alone.
    pub(crate) fn write_unlogged(&self, batch: Batch<'_>) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.disable_wal(true);
        self.db.write_opt(batch.rows, &options).map_err(engine)
    }

    /// Puts everything into tables and retires the write-ahead log.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        let mut families = Vec::new();
        for family in Family::ALL {
            families.push(self.family(family)?);
        }
        self.db
            .flush_cfs_opt(&families, &FlushOptions::default())
            .map_err(engine)
    }

    /// Rewrites the tables that hold a key, without what it held before. Returns those that were there until then.
    pub(crate) fn rewrite(&self, key: &[u8]) -> Result<Vec<PathBuf>, StoreError> {
        let before = self.tables_around(key)?;
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        let family = self.family(Family::of(key))?;
        self.db
            .compact_range_cf_opt(family, Some(key), Some(key), &options);
        // That it failed, on a full disk for one, the engine does not say: then what was there is still in use.
        let after = self.tables_around(key)?;
        match before.iter().find(|table| after.contains(table)) {
            Some(table) => Err(still_there(table)),
            None => Ok(before),
        }
    }

    fn live(&self) -> Result<Vec<LiveFile>, StoreError> {
        self.db.live_files().map_err(engine)
    }

    fn path_of(&self, table: &LiveFile) -> PathBuf {
        self.db.path().join(table.name.trim_start_matches('/'))
    }

    /// The tables whose range a key lies in.
    fn tables_around(&self, key: &[u8]) -> Result<Vec<PathBuf>, StoreError> {
        let family = Family::of(key).name();
        let tables = self.live()?;
        let around = tables.iter().filter(|table| {
            table.column_family_name == family
                && table.start_key.as_deref().is_none_or(|start| start <= key)
                && table.end_key.as_deref().is_none_or(|end| end >= key)
        });
        Ok(around.map(|table| self.path_of(table)).collect())
    }

    /// How many bytes of tables may be there twice while what these keys held is destroyed.
    pub(crate) fn rewritten_bytes(&self, keys: &[Vec<u8>]) -> Result<u64, StoreError> {
        let families = keys.iter().map(|key| Family::of(key).name());
        let families: BTreeSet<&str> = families.collect();
        let tables = self.live()?.into_iter();
        let bytes = tables
            .filter(|table| families.contains(table.column_family_name.as_str()))
            .map(|table| u64::try_from(table.size).unwrap_or(u64::MAX))
            .fold(0, u64::saturating_add);
        Ok(bytes.min(MAX_REWRITTEN_BYTES))
    }

    /// The files of the write-ahead log.
    pub(crate) fn logs(&self) -> Result<Vec<PathBuf>, StoreError> {
        files(self.db.path(), "log")
    }

    /// Tables of an earlier process that nothing uses any more.
    pub(crate) fn leftovers(&self) -> Result<Vec<PathBuf>, StoreError> {
        let mut tables = files(self.db.path(), "sst")?;
        let live = self.live()?;
        let live: BTreeSet<PathBuf> = live.iter().map(|table| self.path_of(table)).collect();
        tables.retain(|table| {
            number(table).is_some_and(|number| number <= self.newest) && !live.contains(table)
        });
        Ok(tables)
    }

    /// Returns once none of these files, which are not in use any more, is there.
    pub(crate) fn await_gone(&self, files: &[PathBuf]) -> Result<(), StoreError> {
        let asked = Instant::now();
        for file in files {
            while file.try_exists().map_err(|error| problem(file, &error))? {
                if asked.elapsed() > GONE_WITHIN {
                    return Err(still_there(file));
                }
                std::thread::sleep(GONE_PAUSE);
            }
        }
        Ok(())
    }
}

/// Rows that are written together or not at all.
pub(crate) struct Batch<'a> {
    families: [&'a ColumnFamily; 4],
    rows: WriteBatch,
}

impl<'a> Batch<'a> {
    fn family(&self, key: &[u8]) -> &'a ColumnFamily {
        let [entries, personal, indexes, others] = self.families;
        match Family::of(key) {
            Family::Entries => entries,
            Family::Personal => personal,
            Family::Indexes => indexes,
            Family::Others => others,
        }
    }

    pub(crate) fn put(&mut self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.rows.put_cf(self.family(key.as_ref()), key, value);
    }

    pub(crate) fn delete(&mut self, key: impl AsRef<[u8]>) {
        self.rows.delete_cf(self.family(key.as_ref()), key);
    }

    pub(crate) fn byte_len(&self) -> usize {
        self.rows.size_in_bytes()
    }
}
