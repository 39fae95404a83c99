// SPDX-License-Identifier: Apache-2.0 OR MIT
//! `kbox-server`: a thin service over `kbox-proof`, `kbox-store` and `kbox-council`: proof API, the secretariat's pages,
//! the members' papers, and the demonstration.
//!
//! It holds no logic of its own: `http` says what is served to whom, `api` and `site` translate, `instance` opens the data
//! directory, `access` knows keys, sessions and limits.

mod access;
mod anchors;
mod api;
mod app;
mod arguments;
mod audit;
mod authorities;
mod config;
mod demo;
mod descriptors;
mod erasing;
mod expiry;
mod http;
mod instance;
mod metrics;
mod pages;
mod restore;
mod site;
mod upkeep;
mod witnesses;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use crate::app::{App, Settings};
use crate::config::{Config, ConfigError};
use crate::instance::{Instance, StartError};
use arguments::{Command, KeysCommand, Overrides};
use mimalloc::MiMalloc;

/// What a receipt is made of is allocated by one thread and freed by another, which takes the system's allocator a tenth of all time.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// How long a stop waits for handlers: a mail relay's timeout of 30 s, and some.
const HANDLERS_END: Duration = Duration::from_secs(35);

/// How long the first request waits for the witnesses' word.
const WITNESSES_FIRST: Duration = Duration::from_secs(10);

const DAY: Duration = Duration::from_secs(24 * 3600);

fn main() -> ExitCode {
    let command = arguments::parse(std::env::args_os().skip(1));
    // Papers and keys are this user's alone, whatever is made; what `export` makes holds neither, and is to be read by others.
    #[cfg(unix)]
    if !matches!(command, Ok(Command::Export { .. })) {
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    }
    descriptors::raise();
    let outcome = match command {
        Ok(Command::Help) => {
            print!("{}", arguments::USAGE);
            Ok(())
        }
        Ok(Command::Version) => {
            println!("kbox-server {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        Ok(Command::Serve(overrides)) => serve(&overrides),
        Ok(Command::Demo {
            data,
            listen,
            commune,
        }) => demo::run(&data, listen, &commune).map_err(Into::into),
        Ok(Command::Keys(overrides, command)) => keys(&overrides, command),
        Ok(Command::Init(overrides)) => init(&overrides),
        Ok(Command::Audit(overrides)) => audit_log(&overrides),
        Ok(Command::Fsck { config, trust }) => {
            match settings(&config).and_then(|config| upkeep::check(&config.data, trust.as_deref()))
            {
                Ok(true) => Ok(()),
                Ok(false) => return ExitCode::FAILURE,
                Err(error) => Err(error),
            }
        }
        Ok(Command::Backup {
            config,
            to,
            with_keys,
        }) => settings(&config).and_then(|config| upkeep::backup(&config.data, &to, with_keys)),
        Ok(Command::Erasing(config, order)) => {
            settings(&config).and_then(|config| erasing::carry_out(&config, order))
        }
        Ok(Command::EraseBackup { config, backup }) => {
            settings(&config).and_then(|config| erasing::in_backup(&config.data, &backup))
        }
        Ok(Command::Restore { config, order }) => {
            settings(&config).and_then(|config| restore::restore(&config, &order))
        }
        Ok(Command::Moved(config)) => {
            settings(&config).and_then(|config| restore::moved(&config.data))
        }
        Ok(Command::Export { config, to }) => {
            settings(&config).and_then(|config| upkeep::export(&config.data, &to))
        }
        Err(problem) => {
            eprintln!("kbox-server: {problem}\n\n{}", arguments::USAGE);
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kbox-server: {error}");
            ExitCode::FAILURE
        }
    }
}

fn settings(overrides: &Overrides) -> Result<Config, Box<dyn Error>> {
    let mut config = match &overrides.config {
        Some(path) => Config::read(path)?,
        None => Config::default(),
    };
    if let Some(data) = &overrides.data {
        config.data.clone_from(data);
    }
    if let Some(listen) = overrides.listen {
        config.listen = listen;
    }
    if let Some(url) = &overrides.base_url {
        config.base_url = Some(url.clone());
    }
    config.behind_proxy |= overrides.behind_proxy;
    config.drop_witnesses = overrides.drop_witnesses;
    config.check()?;
    Ok(config)
}

/// Makes what a first start would make of keys, begins no log, and prints the keys that others need.
fn init(overrides: &Overrides) -> Result<(), Box<dyn Error>> {
    let config = settings(overrides)?;
    for line in Instance::init(&config)? {
        println!("{line}");
    }
    Ok(())
}

fn serve(overrides: &Overrides) -> Result<(), Box<dyn Error>> {
    let config = settings(overrides)?;
    // Before anything is made in the data directory, and before the store has any open.
    let max_connections = descriptors::connections(http::MAX_CONNECTIONS)?;
    kbox_store::check_not_closed(&config.data)?;
    let runtime = runtime()?;
    // The port first: when it is taken, nothing is made in the data directory.
    let listener = runtime.block_on(http::listen(config.listen))?;
    let address = listener.local_addr()?;
    let stop = {
        let _inside = runtime.enter();
        stop_signal()?
    };
    let instance = Instance::open(&config)?;
    if let Some(path) = &instance.new_admin_key {
        eprintln!("administrator's API key: in {}", path.display());
    }
    let base_url = config.base_url(address);
    eprintln!(
        "log {} ({}), {}, in {}",
        instance.ledger.origin(),
        match instance.ledger.environment() {
            kbox_proof::event::Environment::Production => "production",
            kbox_proof::event::Environment::Demonstration => "demonstration, without legal value",
        },
        upkeep::entries(instance.ledger.size().get()),
        config.data.display()
    );
    instance.log_start(&config)?;
    eprintln!("serving {base_url} on {address}; Ctrl-C stops");
    let settings = Settings {
        https: config.is_https(),
        behind_proxy: config.behind_proxy,
        max_connections,
        log: !overrides.quiet,
        base_url,
    };
    let app = Arc::new(App::new(instance, settings, config.relay()));
    runtime.spawn(watch_certificates(Arc::downgrade(&app)));
    let client = witnesses::start(
        &app,
        config
            .witnesses()
            .endpoints()
            .map_err(ConfigError::Witnesses)?,
        config.witnesses().interval(),
    )?;
    if let Some(client) = &client {
        client.wait_for_first_round(WITNESSES_FIRST);
    }
    *app.witnesses.lock().unwrap_or_else(PoisonError::into_inner) = client;
    let outside = config.anchors();
    let authorities = outside.authorities().map_err(ConfigError::Anchors)?;
    let witnessed = !config.witness.is_empty();
    let client = anchors::start(&app, outside, authorities, witnessed)?;
    *app.anchors.lock().unwrap_or_else(PoisonError::into_inner) = client;
    runtime.block_on(http::serve(Arc::clone(&app), listener, stop));
    eprintln!("stopping: recording what was taken");
    let client = app
        .witnesses
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    drop(client);
    let client = app
        .anchors
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    drop(client);
    // Handlers under way end first, so that each of them has its answer from the ledger; one that waits for a mail relay
    // waits no longer than this.
    runtime.shutdown_timeout(HANDLERS_END);
    app.instance.ledger.close();
    app.instance.audit.record(audit::Event::Stopped {
        entries: app.instance.ledger.size().get(),
    })?;
    eprintln!(
        "stopped; {}",
        upkeep::entries(app.instance.ledger.size().get())
    );
    Ok(())
}

/// Warns of certificates that end, at once and every day.
async fn watch_certificates(app: Weak<App>) {
    loop {
        let Some(app) = app.upgrade() else { return };
        // It waits for the disk.
        let warned = tokio::task::spawn_blocking(move || app.instance.warn());
        if warned.await.is_err() {
            return;
        }
        tokio::time::sleep(DAY).await;
    }
}

/// Prints the audit log of a data directory, whether a server runs over it or not, and says whether its chain holds.
fn audit_log(overrides: &Overrides) -> Result<(), Box<dyn Error>> {
    let data = settings(overrides)?.data;
    let path = data.join(audit::FILE);
    let file = std::fs::File::open(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => format!(
            "there is no audit log in {}: give the data directory of your server with --data. Where a server has run there, somebody moved \
             or removed it; a backup holds none",
            data.display()
        ),
        _ => format!("{}: {error}", path.display()),
    })?;
    let mut out = std::io::stdout().lock();
    let mut printed = Ok(());
    let found = audit::read(std::io::BufReader::new(file), |_, line| {
        if printed.is_ok() {
            printed = writeln!(out, "{line}");
        }
    });
    printed?;
    let (chain, torn) = found.map_err(|broken| format!("{}: {broken}", path.display()))?;
    if let Some(torn) = torn {
        eprintln!(
            "{} bytes behind the last line: one that is being written now, or that a crash cut off",
            torn.bytes
        );
    }
    eprintln!(
        "{} {}, the chain holds; its head is {}",
        chain.lines,
        if chain.lines == 1 { "line" } else { "lines" },
        chain.head
    );
    Ok(())
}

/// Threads for the listener, and many for handlers that wait.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(256)
        .build()
}

/// Ready at the first SIGINT or SIGTERM.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    #[cfg(unix)]
    let mut interrupt = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    Ok(async move {
        #[cfg(unix)]
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    })
}

fn keys(overrides: &Overrides, command: KeysCommand) -> Result<(), Box<dyn Error>> {
    let config = settings(overrides)?;
    let instance = Instance::open_existing(&config)?;
    let now = instance.clock.read()?.time;
    match command {
        KeysCommand::Add { role, collectivite } => {
            if let Some(collectivite) = &collectivite {
                // A key for a SIREN that nobody added would write into nowhere.
                let council = instance.council(String::new(), None);
                council.collectivite(collectivite.as_str())?;
            }
            let (record, key) = instance
                .keyring
                .create(role, collectivite, None, now, |_| Ok::<(), StartError>(()))?;
            eprintln!("key {} made; it is shown this once:", record.id);
            println!("{}", key.as_str());
        }
        KeysCommand::List => {
            for key in instance.keyring.list()? {
                println!("{}", key.public());
            }
        }
        KeysCommand::Remove(id) => {
            if !instance.keyring.remove(&id, None)? {
                return Err(format!("there is no key {id}; `keys list` shows them").into());
            }
        }
    }
    instance.ledger.close();
    Ok(())
}
