// SPDX-License-Identifier: Apache-2.0 OR MIT
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;

use kbox_proof::event::{Collectivite, EventId, PersonalDataErasure, Text};
use kbox_proof::ledger::HoldScope;
use lexopt::prelude::*;

use crate::access::keyring::Role;
use crate::erasing::{self, Order};
use crate::restore;

pub(crate) const USAGE: &str = "\
kbox-server serve [--config FILE] [--data DIR] [--listen ADDR] [--base-url URL] [--behind-proxy] [--drop-witnesses] [--quiet]
kbox-server init  [--config FILE] [--data DIR]
kbox-server demo  [--data DIR] [--listen ADDR] [--commune INSEE]
kbox-server audit [--config FILE] [--data DIR]
kbox-server fsck   [--trust FILE] [--config FILE] [--data DIR]
kbox-server backup --to DIR [--without-keys] [--config FILE] [--data DIR]
kbox-server restore --backup DIR --reason REASON [--checkpoint FILE]… [--old DIR] [--accept-loss] [--config FILE] --data NEW
kbox-server moved  [--config FILE] [--data DIR]
kbox-server export --to DIR [--config FILE] [--data DIR]
kbox-server erase   EVENT --basis LETTER --decision TEXT --by TEXT | --backup DIR   [--config FILE] [--data DIR]
kbox-server hold    --collectivite SIREN [--event ID | --seance ID] --by TEXT --reason TEXT   [--config FILE] [--data DIR]
kbox-server release HOLD --collectivite SIREN --by TEXT --reason TEXT | holds   [--config FILE] [--data DIR]
kbox-server keys  add --role ROLE [--collectivite SIREN] | list | remove ID   [--config FILE] [--data DIR]

serve   proof API, secretariat's pages and members' papers over DIR (default kbox-data). The first start makes
        development keys and writes an administrator's API key to DIR/admin-key.
init    makes keys as a first start does, begins no log, and prints the verifier keys of log and witness, for those
        who guard this log or are guarded by this server.
demo    one convocation proven end to end, in DIR (default kbox-demo), and nothing left running.
audit   the audit log of DIR, line by line, and whether its chain holds.
fsck    derives the whole log again: tree, tokens, serials, times, events; the server may run meanwhile.
backup  a consistent copy, which fsck, export and restore read and serve refuses; the server may run meanwhile.
restore closes the log in a backup, or in the directory of a server that does not run, at its highest known checkpoint,
        and makes NEW, in which serve goes on in a new log that cites it.
moved   says that DIR was moved as it was, and that no other copy of it is left that could go on.
export  the log as a C2SP tlog-tiles directory, which other people's tools read; no events, no keys.
erase   what identifies a person in EVENT, of a server that does not run (a running one takes POST
        /api/v1/events/EVENT/erasure); with --backup, all that the log in --data has erased, in a backup of it.
hold    forbids erasing, and release ends that; of a server that does not run (a running one: /api/v1/holds).
keys    API keys of a server that does not run (a running one takes POST /api/v1/keys).

  --config FILE    TOML: data, listen, base_url, behind_proxy, environment, origin, clock_accuracy_ms,
                   token_accuracy_ms, [clock] source, servers, poll_s, [tsa] key, chain, policy, further_policies,
                   hashes, pss, [evidence] key, chain, [relay] host, port, from, from_name, [[witness]] name, url,
                   vkeys, operator, accuracy_ms, independent, [witnessing] name, logs, [[anchor]] name, url, roots,
                   policy, user, password_file; before the first section: witness_quorum, witness_interval_s,
                   anchors, anchor_interval_s
  --listen ADDR    address and port (default 127.0.0.1:8420); beyond loopback it needs --behind-proxy
  --base-url URL   where members' links point, such as https://kbox.example.fr
  --behind-proxy   a reverse proxy ends TLS and appends to X-Forwarded-For
  --commune INSEE  the commune of the demonstration (default 80253, Doullens)
  --role ROLE      administrateur, supervision, secretariat or integration
  --basis LETTER   a to f: the ground of RGPD art. 17(1)
  --decision TEXT  where the decision is filed; names no person
  --by TEXT        function of whoever decided; names no person
  --reason TEXT    why erasing is forbidden, or no longer
  --backup DIR     what `kbox-server backup` made
  --reason REASON  of restore: restore, copy, wrong-clock or damage: why the log is not continued
  --checkpoint FILE  a receipt, .tlog-proof or checkpoint of the log that others hold: newer than the backup, it stays valid
  --old DIR        the data directory that is given up, where it is still there: it is closed, its checkpoint counts, and
                   what it has erased is erased
  --accept-loss    closes the log below what its audit log or a witness tells of: receipts of those entries are undecided
  --drop-witnesses  the trust bundle has a lower quorum or demand than the one before, or none of more than half any more
  --quiet          no line per request
  --data DIR       the data directory (default kbox-data, or what the configuration says)
  --to DIR         where to write: a new or empty directory
  --trust FILE     a trust bundle from elsewhere, in place of the one in DIR
Exit: 0 done, 1 failed or not sound, 2 usage.
";

const COMMANDS: &str = "serve, init, demo, fsck, backup, restore, moved, export, audit, erase, hold, release, holds or keys";

/// Where to find the settings, and what overrides them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Overrides {
    pub(crate) config: Option<PathBuf>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) base_url: Option<String>,
    pub(crate) behind_proxy: bool,
    pub(crate) drop_witnesses: bool,
    pub(crate) quiet: bool,
}

/// What to do with API keys.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum KeysCommand {
    Add {
        role: Role,
        collectivite: Option<Collectivite>,
    },
    List,
    Remove(String),
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Version,
    Serve(Overrides),
    Init(Overrides),
    Demo {
        data: PathBuf,
        listen: Option<SocketAddr>,
        commune: String,
    },
    Keys(Overrides, KeysCommand),
    Audit(Overrides),
    Erasing(Overrides, Order),
    EraseBackup {
        config: Overrides,
        backup: PathBuf,
    },
    Fsck {
        config: Overrides,
        trust: Option<PathBuf>,
    },
    Backup {
        config: Overrides,
        to: PathBuf,
        with_keys: bool,
    },
    Export {
        config: Overrides,
        to: PathBuf,
    },
    Restore {
        config: Overrides,
        order: restore::Order,
    },
    Moved(Overrides),
}

/// Reads a command line without the program's name.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_args(arguments);
    let mut overrides = Overrides::default();
    let (mut words, mut commune, mut role, mut collectivite) = (Vec::new(), None, None, None);
    let (mut to, mut trust, mut without_keys) = (None, None, false);
    let (mut basis, mut decision, mut by, mut reason) = (None, None, None, None);
    let (mut event, mut seance, mut backup) = (None, None, None);
    let (mut checkpoints, mut old, mut accept_loss) = (Vec::new(), None, false);
    let text = |error: lexopt::Error| error.to_string();
    while let Some(argument) = parser.next().map_err(text)? {
        let value = |parser: &mut lexopt::Parser| -> Result<String, String> {
            parser
                .value()
                .and_then(|value| value.string())
                .map_err(text)
        };
        match argument {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("config") => overrides.config = Some(parser.value().map_err(text)?.into()),
            Long("data") => overrides.data = Some(parser.value().map_err(text)?.into()),
            Long("listen") => {
                let address = value(&mut parser)?;
                overrides.listen = Some(address.parse().map_err(|_| {
                    format!("--listen {address:?}: an address with a port is expected, such as 127.0.0.1:8420")
                })?);
            }
            Long("base-url") => overrides.base_url = Some(value(&mut parser)?),
            Long("behind-proxy") => overrides.behind_proxy = true,
            Long("quiet") => overrides.quiet = true,
            Long("to") => to = Some(PathBuf::from(parser.value().map_err(text)?)),
            Long("backup") => backup = Some(PathBuf::from(parser.value().map_err(text)?)),
            Long("basis") => basis = Some(erasing::basis(&value(&mut parser)?)?),
            Long("decision") => decision = Some(words_of("decision", value(&mut parser)?)?),
            Long("by") => by = Some(words_of("by", value(&mut parser)?)?),
            Long("reason") => reason = Some(words_of("reason", value(&mut parser)?)?),
            Long("checkpoint") => {
                checkpoints.push(PathBuf::from(parser.value().map_err(text)?));
            }
            Long("accept-loss") => accept_loss = true,
            Long("drop-witnesses") => overrides.drop_witnesses = true,
            Long("old") => old = Some(PathBuf::from(parser.value().map_err(text)?)),
            Long("event") => event = Some(event_id(&value(&mut parser)?)?),
            Long("seance") => seance = Some(words_of("seance", value(&mut parser)?)?),
            Long("trust") => trust = Some(PathBuf::from(parser.value().map_err(text)?)),
            Long("without-keys") => without_keys = true,
            Long("commune") => commune = Some(value(&mut parser)?),
            Long("role") => {
                let name = value(&mut parser)?;
                role = Some(Role::parse(&name).ok_or_else(|| {
                    format!(
                        "--role {name:?}: administrateur, supervision, secretariat or integration is expected"
                    )
                })?);
            }
            Long("collectivite") => {
                let siren = value(&mut parser)?;
                collectivite =
                    Some(Collectivite::parse(&siren).map_err(|error| error.to_string())?);
            }
            Value(word) => words.push(word.string().map_err(text)?),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = match words.as_slice() {
        ["serve"] => Command::Serve(overrides),
        ["audit"] => Command::Audit(overrides),
        ["init"] => Command::Init(overrides),
        ["demo"] => {
            if overrides.config.is_some() || overrides.behind_proxy || overrides.base_url.is_some()
            {
                return Err("demo takes --data, --listen and --commune alone".into());
            }
            Command::Demo {
                data: overrides.data.unwrap_or_else(|| PathBuf::from("kbox-demo")),
                listen: overrides.listen,
                commune: commune.take().unwrap_or_else(|| "80253".into()),
            }
        }
        ["keys", "add"] => Command::Keys(
            overrides,
            KeysCommand::Add {
                role: role.take().ok_or("keys add needs --role")?,
                collectivite: collectivite.take(),
            },
        ),
        ["keys", "list"] => Command::Keys(overrides, KeysCommand::List),
        ["keys", "remove", id] => Command::Keys(overrides, KeysCommand::Remove((*id).to_string())),
        ["keys", ..] => return Err("keys takes add, list or remove ID".into()),
        ["erase"] => Command::EraseBackup {
            config: overrides,
            backup: backup
                .take()
                .ok_or("erase needs an event's id, or --backup DIR")?,
        },
        ["erase", id] => Command::Erasing(
            overrides,
            Order::Erase {
                event: event_id(id)?,
                content: PersonalDataErasure {
                    basis: basis.take().ok_or("erase needs --basis")?,
                    decision: decision.take().ok_or("erase needs --decision")?,
                    by: by.take().ok_or("erase needs --by")?,
                },
            },
        ),
        ["hold"] => Command::Erasing(
            overrides,
            Order::Hold {
                collectivite: collectivite.take().ok_or("hold needs --collectivite")?,
                scope: match (event.take(), seance.take()) {
                    (None, None) => HoldScope::Collectivite,
                    (Some(event), None) => HoldScope::Event(event),
                    (None, Some(seance)) => HoldScope::Seance(seance),
                    _ => return Err("--event and --seance exclude each other".into()),
                },
                by: by.take().ok_or("hold needs --by")?,
                reason: reason.take().ok_or("hold needs --reason")?,
            },
        ),
        ["release", id] => Command::Erasing(
            overrides,
            Order::Release {
                collectivite: collectivite.take().ok_or("release needs --collectivite")?,
                id: (*id).to_string(),
                by: by.take().ok_or("release needs --by")?,
                reason: reason.take().ok_or("release needs --reason")?,
            },
        ),
        ["holds"] => Command::Erasing(overrides, Order::Holds),
        ["fsck"] => Command::Fsck {
            config: overrides,
            trust: trust.take(),
        },
        ["backup"] => Command::Backup {
            config: overrides,
            to: to.take().ok_or("backup needs --to DIR")?,
            with_keys: !std::mem::take(&mut without_keys),
        },
        ["restore"] => Command::Restore {
            config: overrides,
            order: restore::Order {
                backup: backup.take().ok_or("restore needs --backup DIR")?,
                reason: reason
                    .take()
                    .as_ref()
                    .and_then(|reason| restore::reason(reason.as_str()))
                    .ok_or("restore needs --reason restore, copy, wrong-clock or damage")?,
                checkpoints: std::mem::take(&mut checkpoints),
                old: old.take(),
                accept_loss: std::mem::take(&mut accept_loss),
            },
        },
        ["moved"] => Command::Moved(overrides),
        ["export"] => Command::Export {
            config: overrides,
            to: to.take().ok_or("export needs --to DIR")?,
        },
        [] => return Err(format!("a command is expected: {COMMANDS}")),
        [other, ..] => return Err(format!("{other:?} is not a command: {COMMANDS}")),
    };
    if to.is_some() || trust.is_some() || without_keys {
        return Err(
            "--to belongs to backup and export, --without-keys to backup, --trust to fsck".into(),
        );
    }
    if !checkpoints.is_empty() || old.is_some() || accept_loss {
        return Err("--checkpoint, --old and --accept-loss belong to restore".into());
    }
    if basis.is_some() || decision.is_some() || by.is_some() || reason.is_some() {
        return Err("--basis and --decision belong to erase, --reason to hold, release and restore, --by to the first three".into());
    }
    if event.is_some() || seance.is_some() || backup.is_some() {
        return Err(
            "--event and --seance belong to hold, --backup to restore, and to erase without an event".into(),
        );
    }
    if commune.is_some() || role.is_some() || collectivite.is_some() {
        return Err("--commune belongs to demo, --role to keys add, --collectivite to keys add, hold and release".into());
    }
    Ok(command)
}

fn words_of(option: &str, text: String) -> Result<Text, String> {
    Text::new(text).map_err(|error| format!("--{option}: {error}"))
}

fn event_id(text: &str) -> Result<EventId, String> {
    EventId::parse(text).ok_or_else(|| {
        format!(
            "{text:?} is no event: 32 hexadecimal digits are expected, as in /api/v1/receipts/ID"
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    /// Whoever reads the settings says which there are.
    #[test]
    fn the_help_names_every_setting_of_the_configuration() {
        for (section, some) in [
            ("", "data"),
            ("[clock]\n", "poll_s"),
            ("[tsa]\n", "pss"),
            ("[evidence]\n", "chain"),
            ("[relay]\n", "from_name"),
            ("[[witness]]\n", "independent"),
            ("[witnessing]\n", "logs"),
            ("[[anchor]]\n", "password_file"),
        ] {
            let text = format!("{section}no_setting = 1\n");
            let refused = toml::from_str::<crate::config::Config>(&text).unwrap_err();
            let (_, known) = refused.message().split_once(" expected ").unwrap();
            let mut names: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
            assert!(names.contains(&some), "{known}");
            names.extend(
                section
                    .split(['[', ']', '\n'])
                    .filter(|name| !name.is_empty()),
            );
            let word = |letter: char| !(letter.is_ascii_alphanumeric() || letter == '_');
            for name in names {
                assert!(
                    USAGE.split(word).any(|other| other == name),
                    "{section}{name}"
                );
            }
        }
    }

    #[test]
    fn commands_read_their_own_options_and_no_others() {
        let Ok(Command::Demo {
            data,
            listen,
            commune,
        }) = read("demo --commune 80021")
        else {
            unreachable!("demo reads its options");
        };
        assert_eq!(
            (data.as_os_str().to_str(), listen, commune.as_str()),
            (Some("kbox-demo"), None, "80021")
        );
        assert_eq!(
            read("keys add --role secretariat --collectivite 218002533"),
            Ok(Command::Keys(
                Overrides::default(),
                KeysCommand::Add {
                    role: Role::Secretariat,
                    collectivite: Some(Collectivite::parse("218002533").unwrap()),
                }
            ))
        );
        for wrong in [
            "",
            "surve",
            "serve --listen 8420",
            "serve --commune 80253",
            "serve demo",
            "demo --behind-proxy",
            "keys",
            "keys add",
            "keys add --role maire",
            "keys remove",
            "serve --role secretariat",
            "audit --role supervision",
            "audit list",
            "serve --frobnicate",
            "backup",
            "export --trust trust.json --to copy",
            "serve --to copy",
            "erase",
            "erase 00000000000000000000000000000000 --basis a --by DPO",
            "erase 00000000000000000000000000000000 --basis g --by DPO --decision 1",
            "erase 00000000000000000000000000000000 --basis a --by DPO --decision 1 --backup copy",
            "erase élu --basis a --by DPO --decision 1",
            "hold --by TA --reason requête",
            "hold --collectivite 218002533 --by TA",
            "release --collectivite 218002533 --by TA --reason jugement",
            "serve --by DPO",
            "restore --backup copy",
            "restore --backup copy --reason boredom",
            "restore --reason restore",
            "backup --to copy --checkpoint receipt",
            "moved --old copy",
            "serve --accept-loss",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
