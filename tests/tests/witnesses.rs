// SPDX-License-Identifier: Apache-2.0 OR MIT
//! Two servers that guard each other: receipts grow to `temoigne` by public routes, two histories and lost entries are told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kbox_proof::digest::hex;
use kbox_proof::key::{LogSigner, WitnessSigner};
use kbox_proof::merkle::{RootHash, hash_leaf};
use kbox_proof::receipt::Receipt;
use kbox_proof::tlog::{Checkpoint, KeyId, KeyName, Note};
use kbox_proof::tsp::TimeStampToken;
use kbox_tests::by_hand::{bash, blocks};
use kbox_tests::outside::{Conduct, Outside};
use kbox_tests::{Answer, Server, binary, run, said, submission};
use serde_json::{Value, json};

/// A port that nobody listens on just now.
fn port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// The verifier keys that a server's operator gives to others: of its log, and of its witness.
fn vkeys(data: &Path, config: &Path) -> (String, String) {
    let arguments = ["init", "--config", shown(config), "--data", shown(data)];
    let made = run("kbox-server", &arguments);
    assert!(made.status.success(), "{}", said(&made));
    let lines = String::from_utf8(made.stdout).unwrap();
    let key = |of: &str| {
        let mut lines = lines.lines();
        let found = lines.find_map(|line| line.strip_prefix(of));
        found.unwrap().to_string()
    };
    (key("log "), key("witness "))
}

/// A commune with a server of its own.
struct Commune {
    name: &'static str,
    data: PathBuf,
    config: PathBuf,
    port: u16,
    log: String,
    witness: String,
}

impl Commune {
    /// With its keys made, and no log yet.
    fn new(folder: &Path, name: &'static str) -> Self {
        let data = folder.join(name);
        let config = folder.join(format!("{name}.toml"));
        let alone = format!("[witnessing]\nname = \"{name}.example/witness\"\nlogs = []\n");
        std::fs::write(&config, alone).unwrap();
        let (log, witness) = vkeys(&data, &config);
        Self {
            name,
            port: port(),
            log,
            witness,
            data,
            config,
        }
    }

    /// A witness by ML-DSA-44 from now on.
    fn cosign_by_ml_dsa_44(&mut self) {
        let key = WitnessSigner::generate_ml_dsa_44_pem().unwrap();
        std::fs::write(self.data.join("keys/witness-key.pem"), key.as_bytes()).unwrap();
        (_, self.witness) = vkeys(&self.data, &self.config);
    }

    fn guard(&self, other: &Self) {
        let text = format!(
            "witness_interval_s = 1\n[[witness]]\nname = \"{0}\"\nurl = \"http://127.0.0.1:{1}/witness\"\nvkeys = [\"{2}\"]\noperator = \
             \"Commune {0}\"\n[witnessing]\nname = \"{3}.example/witness\"\nlogs = [\"{4}\"]\n",
            other.name, other.port, other.witness, self.name, other.log
        );
        std::fs::write(&self.config, text).unwrap();
    }

    /// Anchored by an authority of nobody's here, too.
    fn anchor(&self, authority: &Outside) {
        let text = std::fs::read_to_string(&self.config).unwrap();
        let text = format!(
            "anchor_interval_s = 1\n{text}{}",
            authority.section("outside")
        );
        std::fs::write(&self.config, text).unwrap();
    }

    fn start(&self) -> Server {
        self.start_over(&self.data)
    }

    fn start_over(&self, data: &Path) -> Server {
        let listen = format!("127.0.0.1:{}", self.port);
        let config = shown(&self.config);
        Server::start_with(data, &["--config", config, "--listen", &listen])
    }

    fn admin(&self) -> String {
        let key = std::fs::read_to_string(self.data.join("admin-key")).unwrap();
        key.trim().to_string()
    }
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Asks again until the answer is as wanted.
fn until(what: &str, ask: impl Fn() -> Answer, wanted: impl Fn(&Answer) -> bool) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = ask();
        if wanted(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what}: {}", answer.text());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn ready(server: &Server) {
    until(
        "ready",
        || server.get("/readyz", None),
        |answer| answer.status == 200,
    );
}

fn size(server: &Server) -> u64 {
    let note = server.get("/log/checkpoint", None).text();
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// Waits for a mark of the whole log.
fn marked(server: &Server) -> u64 {
    let size = size(server);
    let path = format!("/log/marks/{size}");
    let marks = |answer: &Answer| answer.json()["marks"].as_array().map_or(0, Vec::len);
    until(
        "marked",
        || server.get(&path, None),
        |answer| marks(answer) > 0,
    );
    size
}

fn verify(trust: &Path, receipt: &Path) -> std::process::Output {
    run(
        "kbox-verify",
        &["--trust", shown(trust), "--json", shown(receipt)],
    )
}

fn lines(data: &Path) -> String {
    std::fs::read_to_string(data.join("audit.jsonl")).unwrap()
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp")
        .arg("-a")
        .arg(from)
        .arg(to)
        .status()
        .unwrap();
    assert!(copied.success());
    // As a whole file system put back, or an operator who says so, makes it pass for the original.
    let moved = run("kbox-server", &["moved", "--data", to.to_str().unwrap()]);
    assert!(moved.status.success(), "{}", said(&moved));
}

#[test]
fn a_receipt_that_witnesses_and_an_outside_authority_cover_reaches_ancre() {
    let folder = tempfile::tempdir().unwrap();
    let (albert, mut bray) = (
        Commune::new(folder.path(), "albert"),
        Commune::new(folder.path(), "bray"),
    );
    // The one witness signs by ML-DSA-44 with aws-lc-rs; `kbox-verify` checks that by the pure crate.
    bray.cosign_by_ml_dsa_44();
    albert.guard(&bray);
    bray.guard(&albert);
    let authority = Outside::start(&folder.path().join("outside"), Conduct::Honest, 0);
    albert.anchor(&authority);
    let (a, b) = (albert.start(), bray.start());
    ready(&a);
    ready(&b);
    let key = a.key(&albert.data);
    let made = a.post("/api/v1/events", Some(&key), &submission("one"));
    assert_eq!(made.status, 201, "{}", made.text());
    let location = made.location.unwrap();
    let grown = until(
        "anchored",
        || a.get(&location, Some(&key)),
        |answer| Receipt::from_json(&answer.body).is_ok_and(|one| !one.anchors.is_empty()),
    );
    let receipt = folder.path().join("grown.kbox.json");
    std::fs::write(&receipt, &grown.body).unwrap();
    let trust = folder.path().join("trust.json");
    std::fs::write(&trust, a.get("/trust", None).body).unwrap();
    let proven = verify(&trust, &receipt);
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
    assert!(said(&proven).contains("\"ancre\""), "{}", said(&proven));
    assert!(a.get("/log/marks/0", None).body.len() > 3000);
    // By the public route alone.
    let first = Receipt::from_json(&made.body).unwrap();
    let token = TimeStampToken::parse(&first.token).unwrap();
    let leaf = hex(hash_leaf(&token.leaf_bytes().unwrap()).as_bytes());
    let upgrade = a.get(&format!("/log/upgrade/{leaf}"), None).json();
    assert!(!upgrade["anchors"].as_array().unwrap().is_empty());
}

#[test]
fn what_witnesses_and_an_outside_authority_saw_is_checked_by_hand_and_refused_spoiled() {
    let folder = tempfile::tempdir().unwrap();
    let (albert, bray) = neighbours(folder.path());
    let authority = Outside::start(&folder.path().join("outside"), Conduct::Honest, 0);
    albert.anchor(&authority);
    let (a, b) = (albert.start(), bray.start());
    ready(&a);
    ready(&b);
    let key = a.key(&albert.data);
    // So that the last tree without the second event is not the empty one.
    let first = a.post("/api/v1/events", Some(&key), &submission("one"));
    assert_eq!(first.status, 201, "{}", first.text());
    marked(&a);
    let made = a.post("/api/v1/events", Some(&key), &submission("two"));
    let location = made.location.unwrap();
    let before = |receipt: &Receipt| {
        let note = receipt.before.as_deref().unwrap_or_default();
        note.lines().nth(1).map(str::to_string)
    };
    let grown = until(
        "grown and anchored",
        || a.get(&location, Some(&key)),
        |answer| {
            Receipt::from_json(&answer.body).is_ok_and(|one| {
                !one.anchors.is_empty() && before(&one).is_some_and(|size| size != "0")
            })
        },
    );
    let page = tempfile::tempdir().unwrap();
    let path = page.path().join("receipt.kbox.json");
    // Whoever has the first one grows it as docs/server.md says.
    std::fs::write(&path, &made.body).unwrap();
    let shell = |line: &str| {
        let mut command = Command::new("bash");
        let command = command.args(["-euo", "pipefail", "-c", line]);
        let output = command.current_dir(page.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        output.stdout
    };
    let leaf = format!(
        "{} leaf receipt.kbox.json | (printf '\\0'; cat) | sha256sum | cut -d ' ' -f 1",
        shown(&binary("kbox-verify"))
    );
    let leaf = String::from_utf8(shell(&leaf)).unwrap();
    let upgrade = a.get(&format!("/log/upgrade/{}", leaf.trim()), None);
    std::fs::write(page.path().join("upgrade.json"), &upgrade.body).unwrap();
    let upgraded = shell("jq -s '.[0] * .[1]' receipt.kbox.json upgrade.json");
    let upgraded = Receipt::from_json(&upgraded).unwrap();
    assert!(before(&upgraded).is_some() && !upgraded.anchors.is_empty());
    std::fs::write(&path, &grown.body).unwrap();
    std::fs::write(page.path().join("trust.json"), a.get("/trust", None).body).unwrap();
    // No dossier to take it from, and no personal part.
    let steps: Vec<_> = blocks()
        .into_iter()
        .skip(1)
        .filter(|block| !block.contains("personal.der"))
        .collect();
    let accepted = bash(page.path(), &steps);
    assert!(accepted.status.success(), "{}", said(&accepted));
    let saw = format!("Commune {} independent saw", bray.name);
    assert_eq!(
        said(&accepted).matches(&saw).count(),
        2,
        "{}",
        said(&accepted)
    );
    let receipt = Receipt::from_json(&grown.body).unwrap();
    let mut changed = vec![receipt.clone(); 5];
    let [time, anchor, tree, gone, later] = changed.as_mut_slice() else {
        unreachable!()
    };
    // A cosignature's last bytes; an anchor's token; another tree before; the path to it.
    let other = |text: &mut String, from_end: usize| {
        let place = text.len() - from_end;
        let new = if text[place..].starts_with('A') {
            "B"
        } else {
            "A"
        };
        text.replace_range(place..=place, new);
    };
    other(&mut time.proof, 20);
    *anchor.anchors[0].token.last_mut().unwrap() ^= 1;
    other(&mut anchor.anchors[0].checkpoint, 20);
    let note = tree.before.as_mut().unwrap();
    let root = note.match_indices('\n').nth(1).unwrap().0 + 1;
    let new = if note[root..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    note.replace_range(root..=root, new);
    gone.consistency.pop();
    later.before = Some(later.proof.split_once("\n\n").unwrap().1.to_string());
    for spoiled in changed {
        assert_ne!(spoiled, receipt);
        std::fs::write(&path, spoiled.to_json()).unwrap();
        let refused = bash(page.path(), &steps);
        assert!(!refused.status.success(), "{}", said(&refused));
    }
}

/// Two communes that guard each other.
fn neighbours(folder: &Path) -> (Commune, Commune) {
    let (albert, bray) = (Commune::new(folder, "albert"), Commune::new(folder, "bray"));
    albert.guard(&bray);
    bray.guard(&albert);
    (albert, bray)
}

#[test]
fn two_communes_guard_each_other_and_whoever_has_a_receipt_upgrades_it_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (albert, bray) = neighbours(folder.path());

    // Alone, a server keeps its settings and records nothing that could be dated back.
    let a = albert.start();
    let key = a.key(&albert.data);
    let refused = a.post("/api/v1/events", Some(&key), &submission("too-early"));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "not_witnessed")
    );
    assert_eq!(a.get("/trust", None).status, 503);
    assert_eq!(a.get("/readyz", None).code(), "not_witnessed");
    let b = bray.start();
    ready(&a);
    ready(&b);

    let made = a.post("/api/v1/events", Some(&key), &submission("one"));
    assert_eq!(made.status, 201, "{}", made.text());
    let first = Receipt::from_json(&made.body).unwrap();
    let in_folder = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let trust = in_folder("trust.json", &a.get("/trust", None).body);
    let receipt = in_folder("first.kbox.json", &made.body);
    // It could have been dated back, by all that it shows.
    let undecided = verify(&trust, &receipt);
    assert_eq!(undecided.status.code(), Some(2), "{}", said(&undecided));
    let whole = marked(&a);

    // By its key, and by the public route alone: only the members that grow, put in their places.
    let own = a.get(made.location.as_deref().unwrap(), Some(&key));
    let grown = in_folder("grown.kbox.json", &own.body);
    let proven = verify(&trust, &grown);
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
    assert!(said(&proven).contains("temoigne"), "{}", said(&proven));
    let token = TimeStampToken::parse(&first.token).unwrap();
    let leaf = hex(hash_leaf(&token.leaf_bytes().unwrap()).as_bytes());
    let upgrade = a.get(&format!("/log/upgrade/{leaf}"), None);
    assert_eq!(upgrade.status, 200, "{}", upgrade.text());
    let mut by_hand: Value = serde_json::from_slice(&made.body).unwrap();
    for (member, value) in upgrade.json().as_object().unwrap() {
        by_hand[member] = value.clone();
    }
    let by_hand = in_folder("by-hand.kbox.json", by_hand.to_string().as_bytes());
    let proven = verify(&trust, &by_hand);
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
    let proof = a.get(&format!("/log/proof/{leaf}"), None).text();
    assert_eq!(upgrade.json()["proof"], json!(proof));
    assert_eq!(
        a.get(&format!("/log/upgrade/{}", "0".repeat(64)), None)
            .status,
        404
    );
    // Whoever has a C2SP policy instead finds the leaf under a quorum, too.
    let policy = a.get("/log/policy", None).text();
    let policy = in_folder("policy", policy.as_bytes());
    let proof = in_folder("first.tlog-proof", proof.as_bytes());
    let leaf_bytes = run("kbox-verify", &["leaf", shown(&receipt)]).stdout;
    let leaf_bytes = in_folder("first.leaf", &leaf_bytes);
    let found = run(
        "kbox-verify",
        &[
            "--trust",
            shown(&policy),
            "--document",
            shown(&leaf_bytes),
            shown(&proof),
        ],
    );
    assert_eq!(found.status.code(), Some(0), "{}", said(&found));
    // The marks of the empty log, and the first of the size of the proof.
    let empty = a.get("/log/marks/0", None).json()["marks"][0].clone();
    assert_eq!((&empty["size"], &empty["number"]), (&json!(0), &json!(0)));
    assert_eq!(
        a.get("/log/checkpoints/0", None).text(),
        empty["note"].as_str().unwrap()
    );
    assert!(
        a.get(&format!("/log/checkpoints/{whole}"), None)
            .text()
            .contains("bray.example/witness")
    );

    let metrics = a.get("/metrics", Some(&albert.admin())).text();
    assert!(
        metrics.contains("kbox_witness_up{witness=\"bray\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("kbox_witness_quorum_age_seconds "),
        "{metrics}"
    );
    let readiness = a.get("/readyz", None).json();
    assert_eq!(readiness["witnesses"][0]["name"], "bray");
    let checked = run("kbox-server", &["fsck", "--data", shown(&albert.data)]);
    assert!(checked.status.success(), "{}", said(&checked));
    assert!(!said(&checked).contains(" 0 marks"), "{}", said(&checked));
    let out = folder.path().join("export");
    let exported = run(
        "kbox-server",
        &["export", "--data", shown(&albert.data), "--to", shown(&out)],
    );
    assert!(exported.status.success(), "{}", said(&exported));
    let marks = std::fs::read_to_string(out.join("marks/000000.jsonl")).unwrap();
    assert!(
        marks
            .lines()
            .next()
            .unwrap()
            .contains("bray.example/witness")
    );

    // The operator of one, with its key, signs a second history: the other keeps both.
    let log = std::fs::read_to_string(albert.data.join("keys/log-key.pem")).unwrap();
    let log = LogSigner::from_pkcs8_pem(&log).unwrap();
    let (origin, _) = albert.log.split_once('+').unwrap();
    let whole = marked(&a);
    let text = Checkpoint::new(
        origin,
        kbox_proof::merkle::TreeSize::new(whole),
        RootHash::from_bytes([7; 32]),
    )
    .unwrap()
    .encode();
    let signature = log.sign(text.as_bytes()).to_vec();
    let other = Note::unsigned(text.clone()).unwrap().with_signature(
        KeyName::new(origin).unwrap(),
        KeyId::from_bytes(log.key_id(origin)),
        signature,
    );
    let request = format!("old {whole}\n\n{}", other.encode());
    let answer = b
        .try_post(
            "/witness/add-checkpoint",
            None,
            "text/plain",
            request.as_bytes(),
        )
        .unwrap();
    assert_eq!(
        (answer.status, answer.media_type.as_str()),
        (409, "text/x.tlog.size")
    );
    assert_eq!(answer.text(), format!("{whole}\n"));
    let metrics = b.get("/metrics", Some(&bray.admin())).text();
    assert!(metrics.contains("kbox_split_views 1\n"), "{metrics}");
    let deadline = Instant::now() + Duration::from_secs(30);
    while !lines(&bray.data).contains("split_view_seen") {
        assert!(Instant::now() < deadline, "{}", lines(&bray.data));
        std::thread::sleep(Duration::from_millis(50));
    }
    let out = folder.path().join("export-b");
    let exported = run(
        "kbox-server",
        &["export", "--data", shown(&bray.data), "--to", shown(&out)],
    );
    assert!(exported.status.success(), "{}", said(&exported));
    let kept = std::fs::read_dir(out.join("split-views"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let kept: Value = serde_json::from_slice(&std::fs::read(kept.path()).unwrap()).unwrap();
    assert_eq!(kept["other"], json!(other.encode()));
    assert!(kept["cosigned"].as_str().unwrap().starts_with(origin));
    // What is no log of its, or not signed by it, is not cosigned.
    let unknown = request.replace(origin, "stranger.example/log");
    for (body, status) in [
        (unknown, 404),
        (request.replace("BwcH", "BwcI"), 403),
        ("old\n".into(), 400),
    ] {
        let answer = b
            .try_post(
                "/witness/add-checkpoint",
                None,
                "text/plain",
                body.as_bytes(),
            )
            .unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }

    // An older copy of the data, put in its place, is known by the witness, and records nothing.
    marked(&a);
    assert!(a.terminate().success());
    let older = folder.path().join("older");
    copy(&albert.data, &older);
    let a = albert.start();
    ready(&a);
    assert_eq!(
        a.post("/api/v1/events", Some(&key), &submission("two"))
            .status,
        201
    );
    marked(&a);
    assert!(a.terminate().success());
    let a = albert.start_over(&older);
    until(
        "rolled back",
        || a.get("/readyz", None),
        |answer| answer.code() == "rolled_back",
    );
    let refused = a.post("/api/v1/events", Some(&key), &submission("three"));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "rolled_back")
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    while !lines(&older).contains("\"rolled_back\"") {
        assert!(Instant::now() < deadline, "{}", lines(&older));
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(a);

    // With a longer log it is the witness's own memory that counts after its restart.
    assert!(b.terminate().success());
    let b = bray.start();
    let a = albert.start();
    ready(&a);
    ready(&b);
    assert_eq!(
        a.post("/api/v1/events", Some(&key), &submission("three"))
            .status,
        201
    );
    marked(&a);
}

/// A witness that others wrote, running; killed when dropped.
struct AicsWitness(std::process::Child);

impl Drop for AicsWitness {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of theirs, where `make setup` found a Python for it.
fn aics(name: &str) -> Option<PathBuf> {
    let peers = std::env::var_os("KBOX_PEERS")
        .map(PathBuf::from)
        .or_else(|| {
            let home = std::env::var_os("HOME")?;
            Some(Path::new(&home).join(".cache/kbox/peers"))
        })?;
    let folder = peers.parent()?.join("peers-witness");
    let program = folder.join("bin").join(name);
    program.is_file().then_some(program)
}

#[test]
#[allow(clippy::explicit_write)]
fn a_witness_that_others_wrote_cosigns_our_log_and_knows_an_older_copy_of_it() {
    let Some(program) = aics("aics-witness") else {
        // Said past the harness, which hides what passing tests print.
        std::io::Write::write_all(
            &mut std::io::stdout(),
            b"peers: skipped, aics-witness needs Python 3.12 or later; see `make setup`\n",
        )
        .unwrap();
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let albert = Commune::new(folder.path(), "albert");
    let port = port();
    let settings = folder.path().join("witness.json");
    let tool = |arguments: &[&str]| {
        let (command, more) = arguments.split_first().unwrap();
        let output = Command::new(&program)
            .args([command, "--config", shown(&settings)])
            .args(more)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let listen = format!("127.0.0.1:{port}");
    let vkey = tool(&[
        "init",
        "--name",
        "aics.example/1",
        "--listen",
        &listen,
        "--db",
        "w.db",
        "--key-file",
        "key",
    ]);
    let (origin, _) = albert.log.split_once('+').unwrap();
    tool(&["add-log", "--origin", origin, "--vkey", &albert.log]);
    let witness = Command::new(&program)
        .args(["serve", "--config", shown(&settings)])
        .stderr(std::process::Stdio::null())
        .spawn();
    let _witness = AicsWitness(witness.unwrap());
    let vkey = vkey.trim();
    std::fs::write(
        &albert.config,
        format!(
            "witness_interval_s = 1\n[[witness]]\nname = \"aics\"\nurl = \"http://{listen}\"\nvkeys = [\"{vkey}\"]\noperator = \"Aics\"\n"
        ),
    )
    .unwrap();
    let a = albert.start();
    let key = a.key(&albert.data);
    ready(&a);
    let made = a.post("/api/v1/events", Some(&key), &submission("one"));
    assert_eq!(made.status, 201, "{}", made.text());
    // Ever larger trees, each with its proof from the one before.
    for n in 0..3 {
        marked(&a);
        let more = a.post(
            "/api/v1/events",
            Some(&key),
            &submission(&format!("more-{n}")),
        );
        assert_eq!(more.status, 201, "{}", more.text());
    }
    marked(&a);
    let trust = folder.path().join("trust.json");
    std::fs::write(&trust, a.get("/trust", None).body).unwrap();
    let grown = folder.path().join("grown.kbox.json");
    std::fs::write(
        &grown,
        a.get(made.location.as_deref().unwrap(), Some(&key)).body,
    )
    .unwrap();
    let proven = verify(&trust, &grown);
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));

    assert!(a.terminate().success());
    let older = folder.path().join("older");
    copy(&albert.data, &older);
    let a = albert.start();
    ready(&a);
    assert_eq!(
        a.post("/api/v1/events", Some(&key), &submission("last"))
            .status,
        201
    );
    let whole = marked(&a);
    assert!(a.terminate().success());
    // It hands out no checkpoint, and says how large it was: no restore closes the log below that unasked.
    let from = ["--backup", shown(&older), "--reason", "damage"];
    let new = folder.path().join("new");
    let to = ["--data", shown(&new), "--config", shown(&albert.config)];
    let refused = run("kbox-server", &[&["restore"], &from[..], &to].concat());
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let words = format!("witness aics had cosigned {whole} entries");
    assert!(said(&refused).contains(&words), "{}", said(&refused));
    let a = albert.start_over(&older);
    until(
        "rolled back",
        || a.get("/readyz", None),
        |answer| answer.code() == "rolled_back",
    );
}

/// A log is lost, and goes on in a new one under the same witness.
#[test]
fn a_restored_log_is_cosigned_before_its_first_event_and_the_old_one_stays_guarded_and_readable() {
    let folder = tempfile::tempdir().unwrap();
    let (albert, bray) = neighbours(folder.path());
    let (a, b) = (albert.start(), bray.start());
    ready(&a);
    ready(&b);
    let key = a.key(&albert.data);
    let made = a.post("/api/v1/events", Some(&key), &submission("one"));
    assert_eq!(made.status, 201, "{}", made.text());
    let whole = marked(&a);
    let last = a.get("/log/checkpoint", None).text();
    let (copy, new) = (folder.path().join("copy"), folder.path().join("new"));
    let tool = |command: &str, data: &Path, more: &[&str]| {
        let config = shown(&albert.config);
        let arguments = [command, "--config", config, "--data", shown(data)];
        let output = run("kbox-server", &[&arguments[..], more].concat());
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    tool("backup", &albert.data, &["--to", shown(&copy)]);
    assert!(a.terminate().success());
    let from = ["--backup", shown(&copy), "--reason", "damage"];
    let given_up = ["--old", shown(&albert.data)];
    tool("restore", &new, &[&from[..], &given_up[..]].concat());

    // The witness guards the old log alone: the new one records nothing, neither its opening nor a bundle that closes the old.
    let a = albert.start_over(&new);
    let refused = a.post("/api/v1/events", Some(&key), &submission("too-early"));
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "not_witnessed")
    );
    assert_eq!((size(&a), a.get("/trust", None).status), (0, 503));
    assert!(a.terminate().success());
    let vkey = tool("init", &new, &[]);
    let mut lines = vkey.lines();
    let log = lines.find_map(|line| line.strip_prefix("log ")).unwrap();
    assert_ne!(log, albert.log);
    let both = std::fs::read_to_string(&bray.config).unwrap().replace(
        &format!("logs = [\"{}\"]", albert.log),
        &format!("logs = [\"{}\", \"{log}\"]", albert.log),
    );
    assert!(both.contains(log));
    std::fs::write(&bray.config, both).unwrap();
    assert!(b.terminate().success());
    let (a, b) = (albert.start_over(&new), bray.start());
    ready(&a);
    let marks = a.get("/log/marks/0", None).json();
    assert_eq!(marks["marks"][0]["size"], 0);
    let note = marks["marks"][0]["note"].as_str().unwrap();
    assert!(note.contains("bray.example/witness"), "{note}");
    assert!(note.starts_with(log.split_once('+').unwrap().0), "{note}");

    // What it records is witnessed like any other; what the old one recorded grows by the public route, under the old log's marks.
    let later = a.post("/api/v1/events", Some(&key), &submission("two"));
    assert_eq!(later.status, 201, "{}", later.text());
    marked(&a);
    let in_folder = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let trust = a.get("/trust", None);
    assert_eq!(trust.json()["shards"][0]["final_size"], whole);
    let trust = in_folder("trust.json", &trust.body);
    let first = Receipt::from_json(&made.body).unwrap();
    let token = TimeStampToken::parse(&first.token).unwrap();
    let leaf = token.leaf_bytes().unwrap();
    let upgrade = format!("/log/upgrade/{}", hex(hash_leaf(&leaf).as_bytes()));
    let mut old: Value = serde_json::from_slice(&made.body).unwrap();
    for (member, value) in a.get(&upgrade, None).json().as_object().unwrap() {
        old[member] = value.clone();
    }
    let grown = a.get(later.location.as_deref().unwrap(), Some(&key)).body;
    for (name, bytes) in [
        ("old.kbox.json", old.to_string().as_bytes()),
        ("new.kbox.json", grown.as_slice()),
    ] {
        let proven = verify(&trust, &in_folder(name, bytes));
        assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
        assert!(said(&proven).contains("temoigne"), "{}", said(&proven));
    }

    // Everybody reads the old log, cosigned as it was.
    let old = |path: &str| a.get(&format!("/log/closed/1/{path}"), None);
    assert_eq!(old("checkpoint").text(), last);
    assert_eq!(old("marks/0").json()["marks"][0]["size"], 0);
    let cosigned = old(&format!("checkpoints/{whole}")).text();
    assert!(cosigned.contains("bray.example/witness"), "{cosigned}");
    let entries = old(&format!("tile/entries/000.p/{whole}"));
    assert_eq!(entries.status, 200, "{}", entries.text());
    assert!(entries.body.windows(leaf.len()).any(|part| part == leaf));
    let hashes = old(&format!("tile/0/000.p/{whole}")).body;
    assert!(
        hashes
            .chunks(32)
            .any(|hash| hash == hash_leaf(&leaf).as_bytes())
    );
    for beyond in [
        format!("/log/closed/1/tile/0/000.p/{}", whole + 1),
        format!("/log/closed/1/checkpoints/{}", whole + 1),
        "/log/closed/2/checkpoint".into(),
        "/log/closed/0/checkpoint".into(),
    ] {
        assert_eq!(a.get(&beyond, None).status, 404, "{beyond}");
    }

    // The operator's key goes on signing for the old name in vain.
    let signer = std::fs::read_to_string(new.join("keys/log-key.pem")).unwrap();
    let signer = LogSigner::from_pkcs8_pem(&signer).unwrap();
    let (origin, _) = albert.log.split_once('+').unwrap();
    for (fork, status) in [(whole, 409), (whole + 1, 422)] {
        let fork = kbox_proof::merkle::TreeSize::new(fork);
        let forged = Checkpoint::new(origin, fork, RootHash::from_bytes([7; 32])).unwrap();
        let text = forged.encode();
        let signature = signer.sign(text.as_bytes()).to_vec();
        let note = Note::unsigned(text).unwrap().with_signature(
            KeyName::new(origin).unwrap(),
            KeyId::from_bytes(signer.key_id(origin)),
            signature,
        );
        let request = format!("old {whole}\n\n{}", note.encode());
        let body = request.as_bytes();
        let answer = b.try_post("/witness/add-checkpoint", None, "text/plain", body);
        let answer = answer.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert!(a.terminate().success());
    tool("fsck", &new, &[]);
}

#[test]
fn a_restore_that_would_lose_what_a_witness_cosigned_is_refused_and_the_witness_hands_its_checkpoint_out()
 {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |name: &str| folder.path().join(name);
    let (albert, bray) = neighbours(folder.path());
    let (a, b) = (albert.start(), bray.start());
    ready(&a);
    ready(&b);
    let key = a.key(&albert.data);
    let record = |server: &Server, id: &str| {
        let made = server.post("/api/v1/events", Some(&key), &submission(id));
        assert_eq!(made.status, 201, "{}", made.text());
        made.location.unwrap()
    };
    record(&a, "one");
    marked(&a);
    assert!(a.terminate().success());
    let (older, given_up) = (in_folder("older"), in_folder("given up"));
    copy(&albert.data, &older);

    // The newest receipt is proven.
    let a = albert.start();
    ready(&a);
    let location = record(&a, "two");
    let whole = marked(&a);
    let (trust, receipt) = (in_folder("trust.json"), in_folder("two.kbox.json"));
    std::fs::write(&trust, a.get("/trust", None).body).unwrap();
    std::fs::write(&receipt, a.get(&location, Some(&key)).body).unwrap();
    let proven = verify(&trust, &receipt);
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
    let version = a.get("/trust", None).json()["version"].clone();
    assert!(a.terminate().success());

    // Without its configuration the log would lose its witnesses.
    let refused = run(
        "kbox-server",
        &[
            "serve",
            "--data",
            shown(&albert.data),
            "--listen",
            "127.0.0.1:0",
        ],
    );
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let words = "Commune bray, quorum 1, demand temoigne before, no witness, quorum 0, demand journalise now";
    assert!(said(&refused).contains(words), "{}", said(&refused));
    let a = albert.start();
    assert_eq!(a.get("/trust", None).json()["version"], version);
    assert!(a.terminate().success());

    // The older copy is put in its place, and the witness knows more.
    let a = albert.start_over(&older);
    until(
        "rolled back",
        || a.get("/readyz", None),
        |answer| answer.code() == "rolled_back",
    );
    let deadline = Instant::now() + Duration::from_secs(30);
    while !lines(&older).contains("\"rolled_back\"") {
        assert!(Instant::now() < deadline, "{}", lines(&older));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(a.terminate().success());
    copy(&older, &given_up);
    let restore = |from: &Path, to: &Path, more: &[&str]| {
        let arguments = ["restore", "--reason", "damage", "--backup", shown(from)];
        let to = ["--data", shown(to)];
        run("kbox-server", &[&arguments[..], &to, more].concat())
    };
    let new = in_folder("new");
    let refused = restore(&older, &new, &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let words = format!("witness bray had cosigned {whole} entries");
    for words in [
        words.as_str(),
        "--checkpoint",
        "--accept-loss",
        "log.beyond_end",
    ] {
        assert!(said(&refused).contains(words), "{}", said(&refused));
    }
    assert!(!new.join("db").exists() && !older.join("RESTORED").exists());
    // A backup has no audit log, and knows only that there are witnesses.
    let nightly = in_folder("nightly");
    let backup = ["backup", "--to", shown(&nightly), "--data"];
    let made = run("kbox-server", &[&backup[..], &[shown(&older)]].concat());
    assert!(made.status.success(), "{}", said(&made));
    let refused = restore(&nightly, &new, &[]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    let words = "none of them was asked and answered";
    assert!(said(&refused).contains(words), "{}", said(&refused));
    assert!(!new.join("db").exists());

    // Anybody gets what it cosigned last.
    let (origin, _) = albert.log.split_once('+').unwrap();
    let digest = kbox_proof::digest::Sha256Digest::of(origin.as_bytes());
    let newest = b.get(&format!("/witness/checkpoint/{digest}"), None);
    assert_eq!(newest.status, 200, "{}", newest.text());
    assert!(
        newest.text().starts_with(&format!("{origin}\n{whole}\n")),
        "{}",
        newest.text()
    );
    let unknown = format!("/witness/checkpoint/{}", "0".repeat(64));
    assert_eq!(b.get(&unknown, None).status, 404);
    let config = ["--config", shown(&albert.config)];
    let restored = restore(&older, &new, &config);
    assert!(restored.status.success(), "{}", said(&restored));
    let words = format!("is closed at {whole} entries");
    assert!(said(&restored).contains(&words), "{}", said(&restored));

    // An operator who wants it so says so, and voids nothing: the receipt is undecided, and proven by the bundle from before.
    let lossy = in_folder("lossy");
    let restored = restore(&given_up, &lossy, &["--accept-loss"]);
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(said(&restored).contains("warning: "), "{}", said(&restored));
    let a = Server::start_with(&lossy, &["--drop-witnesses"]);
    let closed = in_folder("closed.json");
    std::fs::write(&closed, a.get("/trust", None).body).unwrap();
    let undecided = verify(&closed, &receipt);
    assert_eq!(undecided.status.code(), Some(2), "{}", said(&undecided));
    assert!(
        said(&undecided).contains("log.beyond_end"),
        "{}",
        said(&undecided)
    );
    let proven = verify(&trust, &receipt);
    assert_eq!(proven.status.code(), Some(0), "{}", said(&proven));
}

#[test]
fn a_log_that_gets_witnesses_later_publishes_a_new_trust_bundle_that_names_them() {
    let folder = tempfile::tempdir().unwrap();
    let (albert, bray) = (
        Commune::new(folder.path(), "albert"),
        Commune::new(folder.path(), "bray"),
    );
    let a = albert.start();
    let key = a.key(&albert.data);
    let made = a.post("/api/v1/events", Some(&key), &submission("before"));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(a.get("/trust", None).json()["demand"], "journalise");
    assert!(a.terminate().success());
    albert.guard(&bray);
    bray.guard(&albert);
    let (a, b) = (albert.start(), bray.start());
    ready(&b);
    let trust = a.get("/trust", None);
    assert_eq!(trust.json()["version"], 2);
    assert_eq!(trust.json()["demand"], "temoigne");
    assert_eq!(trust.json()["witnesses"]["quorum"], 1);
    assert_eq!(
        trust.json()["witnesses"]["operators"][0]["keys"][0],
        json!(bray.witness)
    );
    assert_eq!(a.get("/trust/1", None).json()["demand"], "journalise");
    marked(&a);
    // What was recorded before any witness stays what it was: nobody saw the log without it.
    let old = a.get(made.location.as_deref().unwrap(), Some(&key));
    let receipt = Receipt::from_json(&old.body).unwrap();
    assert_eq!(receipt.before, None);
    assert!(receipt.proof.contains("bray.example/witness"));
    assert!(a.terminate().success());
    // The same settings again are no new version.
    let a = albert.start();
    assert_eq!(a.get("/trust", None).json()["version"], 2);
}
