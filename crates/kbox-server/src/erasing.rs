// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Erasing and legal holds at the command line, over the data directory of a server that does not run; and what was erased,
//! in a backup, whether it runs or not.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use kbox_proof::event::{Collectivite, ErasureBasis, EventId, PersonalDataErasure, Text};
use kbox_proof::ledger::{Erasure, HoldRelease, HoldScope, Scrub, replay_erasures};
use kbox_proof::store::StoreError;
use kbox_proof::time::Time;
use kbox_store::RocksStore;

use crate::audit::Event;
use crate::config::Config;
use crate::instance::Instance;
use crate::restore;
use crate::upkeep;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Erase an event's personal data.
    Erase {
        event: EventId,
        content: PersonalDataErasure,
    },
    /// Forbid erasures.
    Hold {
        collectivite: Collectivite,
        scope: HoldScope,
        by: Text,
        reason: Text,
    },
    /// End a hold.
    Release {
        collectivite: Collectivite,
        id: String,
        by: Text,
        reason: Text,
    },
    /// List the holds.
    Holds,
}

/// The letter of RGPD art. 17(1), or its name in JSON.
pub(crate) fn basis(text: &str) -> Result<ErasureBasis, String> {
    let named = serde_json::from_value(serde_json::Value::String(text.to_string())).ok();
    let letter = |basis: &ErasureBasis| text.len() == 1 && text.starts_with(basis.letter());
    named
        .or_else(|| ErasureBasis::ALL.into_iter().find(letter))
        .ok_or_else(|| {
            format!("--basis {text:?}: a to f is expected, the ground of RGPD art. 17(1)")
        })
}

/// `kbox-server erase EVENT`, `hold`, `release ID`, `holds`.
pub(crate) fn carry_out(config: &Config, order: Order) -> Result<(), Box<dyn Error>> {
    let instance = Instance::open_existing(config)?;
    let ledger = &instance.ledger;
    let now = instance.clock.read()?.time;
    match order {
        Order::Erase { event, content } => {
            let unknown = || format!("there is no event {event} in this log");
            let entry = ledger.entry(&event)?.ok_or_else(unknown)?;
            instance.audit.record(Event::ErasureAsked {
                of: event.to_string(),
                collectivite: entry.collectivite,
                by: None,
            })?;
            let erasure = Erasure {
                event_id: event,
                content,
                claimed_time: Time::from_unix_secs(now.unix_secs())?,
            };
            let receipt = ledger.erase(erasure)?.ok_or_else(unknown)?;
            eprintln!(
                "erased; backups made before still hold it: `kbox-server erase --backup DIR` for each. The receipt of the trace:"
            );
            println!("{}", receipt.to_json());
        }
        Order::Hold {
            collectivite,
            scope,
            by,
            reason,
        } => {
            let hold = ledger.hold(&collectivite, scope, by, reason, now)?;
            instance.audit.note(Event::HoldPlaced {
                id: hold.id.clone(),
                collectivite,
                by: None,
            });
            println!("{}", serde_json::to_string(&hold)?);
        }
        Order::Release {
            collectivite,
            id,
            by,
            reason,
        } => {
            instance.audit.record(Event::HoldReleaseAsked {
                id: id.clone(),
                collectivite: collectivite.clone(),
                by: None,
            })?;
            let at = now;
            let hold = ledger.release(&collectivite, &id, HoldRelease { by, reason, at })?;
            let hold = hold.ok_or_else(|| {
                format!("{collectivite} has no hold {id}; `kbox-server holds` shows them")
            })?;
            println!("{}", serde_json::to_string(&hold)?);
        }
        Order::Holds => {
            for hold in ledger.holds(None)? {
                println!("{}", serde_json::to_string(&hold)?);
            }
        }
    }
    instance.ledger.close();
    Ok(())
}

/// All logs of a directory, the closed ones first.
fn logs(
    path: &Path,
    open: impl Fn(&Path) -> Result<RocksStore, StoreError>,
) -> Result<Vec<Arc<RocksStore>>, Box<dyn Error>> {
    let closed = restore::closed(path)?;
    let paths = closed.iter().map(|closed| closed.path.as_path());
    let stores = paths.chain([path]).map(|path| open(path).map(Arc::new));
    Ok(stores.collect::<Result<_, _>>()?)
}

/// `kbox-server erase --backup COPY`: what the log in `data` says was erased, in a backup of it.
pub(crate) fn in_backup(data: &Path, copy: &Path) -> Result<(), Box<dyn Error>> {
    let known = logs(data, |path| RocksStore::open_to_read(path))?;
    let copies = logs(copy, |path| RocksStore::open_backup(path))?;
    let [.., backup] = copies.as_slice() else {
        return Ok(());
    };
    let names = known.iter().map(|log| upkeep::held(log));
    if !names
        .collect::<Result<Vec<_>, _>>()?
        .contains(&upkeep::held(backup)?)
    {
        return Err(format!(
            "{} is a backup of another log than {}: name the data directory that it was made of with --data",
            copy.display(),
            data.display()
        )
        .into());
    }
    let mut destroyed = 0;
    for log in &known {
        for copy in &copies {
            let mut progress = upkeep::Progress::new("entries");
            let scrub: Scrub = match Arc::ptr_eq(copy, backup) {
                true => Arc::new(kbox_council::scrub),
                false => restore::scrub_in(Arc::clone(backup)),
            };
            destroyed += replay_erasures(log.as_ref(), copy.as_ref(), &scrub, &mut |done, of| {
                progress.show(done, of)
            })?;
        }
    }
    eprintln!(
        "{} erased in {}; what the log in {} has erased is not in it any more",
        upkeep::count(destroyed, "event", "events"),
        copy.display(),
        data.display()
    );
    Ok(())
}
