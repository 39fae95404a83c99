// SPDX-License-Identifier: Apache-2.0 OR MIT
//! What must hold for any bytes whatever, one function a fuzz target.
//!
//! Each says whether the bytes were read, so that the property was really tested, and panics when it does not hold. The tests
//! of kbox-proof include this file and replay it on stable.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub
)]

use std::io::Cursor;
use std::sync::OnceLock;

use kbox_proof::event::{Body, ErasablePart, EvidenceEvent};
use kbox_proof::law::{self, DelaiRequest, Instance, LawError, LocalDateTime, Verdict};
use kbox_proof::merkle::{
    self, ConsistencyProof, Edge, InclusionProof, LeafIndex, NodeHash, RootHash, TreeSize,
    consistency_proof, hash_leaf, inclusion_proof, verify_consistency, verify_inclusion,
};
use kbox_proof::receipt::{ProofFile, Receipt, TrustBundle};
use kbox_proof::time::Time;
use kbox_proof::tlog::witness::{AddCheckpoint, judge};
use kbox_proof::tlog::{Checkpoint, Note, TlogPolicy, TlogProof, VerifierKey};
use kbox_proof::tsp::{
    Certificate, ChainTime, RevocationEvidence, TimeStampReq, TimeStampResp, TimeStampToken,
    TokenTrust, TstInfo, VerifiedTimeStamp, certificates_from_pem, verify_response,
};
use serde_json::Value;

/// One canonical form, and one leaf whatever becomes of the certificates beside it.
pub fn tsp_token(data: &[u8]) -> bool {
    if let Ok(response) = TimeStampResp::parse(data) {
        assert_eq!(response.to_der(), data);
        if let Some(token) = response.token() {
            assert!(tsp_token(token.to_der()), "a token that is none by itself");
        }
        return true;
    }
    let Ok(token) = TimeStampToken::parse(data) else {
        return false;
    };
    assert_eq!(token.to_der(), data);
    if let Ok(leaf) = token.leaf_bytes() {
        let bare = TimeStampToken::parse(&leaf).expect("a leaf is a token");
        assert!(bare.certificates().is_empty());
        assert_eq!(bare.leaf_bytes().as_ref(), Ok(&leaf));
        assert_eq!(bare.tst_info(), token.tst_info());
        let again = TimeStampToken::from_leaf_with_certificates(&leaf, token.certificates())
            .expect("a leaf takes certificates back");
        let read = TimeStampToken::parse(again.to_der()).expect("what is written is read");
        assert_eq!(read, again);
        assert_eq!(read.leaf_bytes().as_ref(), Ok(&leaf));
    }
    true
}

/// One canonical form.
pub fn tsp_request(data: &[u8]) -> bool {
    let Ok(request) = TimeStampReq::parse(data) else {
        return false;
    };
    assert_eq!(request.to_der(), data);
    true
}

/// The responses of the fixtures in which nothing is forged; the last one's ESSCertID is by SHA-1, which ages.
const GENUINE: [&[u8]; 17] = [
    include_bytes!("../../fixtures/tsp-faults/ok.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-certificates-unsorted.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-chain-named.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-extension.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-granted-with-mods.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-key-identifier.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-midnight-and-fraction.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-rsa.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-signing-time.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-rsa-pss-key.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-rsa-pss.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-rsa-2048.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-p384.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-ed25519.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ok-tsa-name.tsr"),
    include_bytes!("../../fixtures/tsp-faults/accuracy-missing.tsr"),
    include_bytes!("../../fixtures/tsp-faults/ess-sha1.tsr"),
];

/// What was signed in each of [`GENUINE`], and by which certificate.
fn genuine() -> &'static [(TstInfo, Vec<u8>)] {
    static ALL: OnceLock<Vec<(TstInfo, Vec<u8>)>> = OnceLock::new();
    ALL.get_or_init(|| {
        let verified = GENUINE.iter().filter_map(|bytes| {
            let response = TimeStampResp::parse(bytes).unwrap();
            verify(&response, &[])
        });
        let facts: Vec<_> = verified
            .map(|one| (one.tst_info().clone(), one.signer_certificate().to_vec()))
            .collect();
        assert!(facts.len() >= GENUINE.len() - 1);
        facts
    })
}

/// As the fixtures are judged.
fn verify(response: &TimeStampResp, extra_certificates: &[Vec<u8>]) -> Option<VerifiedTimeStamp> {
    static ASKED: OnceLock<(TimeStampReq, Vec<Vec<u8>>)> = OnceLock::new();
    let (request, roots) = ASKED.get_or_init(|| {
        let query = include_bytes!("../../fixtures/tsp-faults/query.tsq");
        let root = include_str!("../../fixtures/tsp-faults/root.pem");
        let roots = certificates_from_pem(root).unwrap();
        (TimeStampReq::parse(query).unwrap(), roots)
    });
    let at = Time::parse_rfc3339("2026-09-01T00:00:00Z").unwrap();
    let mut trust = TokenTrust::new(roots, ChainTime::At(at));
    trust.extra_certificates = extra_certificates;
    verify_response(response, request, &trust).ok()
}

/// A response that is accepted says what an authority signed, and under the certificate that it signed with: whatever else
/// was changed, nothing of that was.
pub fn tsp_verify(data: &[u8]) -> bool {
    let Ok(response) = TimeStampResp::parse(data) else {
        return false;
    };
    if let Some(verified) = verify(&response, &[]) {
        let facts = (
            verified.tst_info().clone(),
            verified.signer_certificate().to_vec(),
        );
        assert!(genuine().contains(&facts), "a forged token was accepted");
    }
    true
}

/// A certificate keeps its bytes and takes none after them. Given for the missing link of a chain, it is one only with the
/// key, the name and the validity that the root signed.
pub fn tsp_chain(data: &[u8]) -> bool {
    let Ok(certificate) = Certificate::parse(data) else {
        return false;
    };
    assert_eq!(certificate.to_der(), data);
    assert!(Certificate::parse(&[data, &[0]].concat()).is_err());
    static PARTS: OnceLock<(TimeStampResp, Vec<u8>, Certificate)> = OnceLock::new();
    let (bare, unit, issuer) = PARTS.get_or_init(|| {
        let bare = include_bytes!("../../fixtures/tsp-faults/signer-certificate-missing.tsr");
        let whole = TimeStampResp::parse(GENUINE[0]).unwrap();
        let chain = verify(&whole, &[]).unwrap().chain().to_vec();
        (
            TimeStampResp::parse(bare).unwrap(),
            chain[0].clone(),
            Certificate::parse(&chain[1]).unwrap(),
        )
    });
    assert!(verify(bare, std::slice::from_ref(unit)).is_none());
    if let Some(verified) = verify(bare, &[unit.clone(), data.to_vec()]) {
        assert_eq!(verified.signer_certificate(), unit);
        let used = Certificate::parse(&verified.chain()[1]).unwrap();
        assert_eq!(used.public_key_info(), issuer.public_key_info());
        assert_eq!(used.subject_common_name(), issuer.subject_common_name());
        assert_eq!(used.not_before(), issuer.not_before());
        assert_eq!(used.not_after(), issuer.not_after());
    }
    true
}

/// A list or response, never both, and nothing after it.
pub fn revocation(data: &[u8]) -> bool {
    let read = |data: &[u8]| {
        let list = RevocationEvidence::default().add_crl(data).is_ok();
        let response = RevocationEvidence::default().add_ocsp(data).is_ok();
        assert!(!(list && response));
        list || response
    };
    if !read(data) {
        return false;
    }
    assert!(!read(&[data, &[0]].concat()));
    true
}

/// One canonical form of an event and of its personal part; the JSON of a body says the same.
pub fn event(data: &[u8]) -> bool {
    if let Ok(part) = ErasablePart::from_der(data) {
        assert_eq!(part.to_der().as_deref(), Ok(data));
        return true;
    }
    let Ok(event) = EvidenceEvent::from_der(data) else {
        return false;
    };
    assert_eq!(event.to_der().as_deref(), Ok(data));
    let json = serde_json::to_string(&event.body).unwrap();
    assert_eq!(serde_json::from_str::<Body>(&json).unwrap(), event.body);
    true
}

/// Reading loses nothing: what is written again reads as the same, and holds every member that was there.
pub fn receipt(data: &[u8]) -> bool {
    let Ok(receipt) = Receipt::from_json(data) else {
        return false;
    };
    let json = receipt.to_json();
    assert_eq!(Receipt::from_json(json.as_bytes()).as_ref(), Ok(&receipt));
    assert_nothing_lost(data, &json);
    true
}

/// As [`receipt`].
pub fn trust(data: &[u8]) -> bool {
    let Ok(bundle) = TrustBundle::from_json(data) else {
        return false;
    };
    let json = bundle.to_json();
    assert_eq!(
        TrustBundle::from_json(json.as_bytes()).as_ref(),
        Ok(&bundle)
    );
    assert_nothing_lost(data, &json);
    true
}

fn assert_nothing_lost(read: &[u8], written: &str) {
    fn kept(read: &Value, written: Option<&Value>) -> bool {
        match (read, written) {
            // Absent, null and empty are one.
            (Value::Null, None) => true,
            (Value::Array(list), None) => list.is_empty(),
            (Value::Object(read), Some(Value::Object(written))) => read
                .iter()
                .all(|(name, value)| kept(value, written.get(name))),
            (Value::Array(read), Some(Value::Array(written))) => {
                read.len() == written.len()
                    && read
                        .iter()
                        .zip(written)
                        .all(|(one, other)| kept(one, Some(other)))
            }
            (one, Some(other)) => one == other,
            _ => false,
        }
    }
    let read: Value = serde_json::from_slice(read).unwrap();
    let written: Value = serde_json::from_str(written).unwrap();
    assert!(kept(&read, Some(&written)), "{read} became {written}");
}

/// Entries are stored, so a file cannot hold more than its own bytes; what is written again reads as the same. Tried with
/// right checksums as well: by chance a fuzzer finds none.
pub fn proof_file(data: &[u8]) -> bool {
    let mut mended = data.to_vec();
    mend_checksums(&mut mended);
    [data, &mended].into_iter().any(|data| {
        let Ok(file) = ProofFile::read(Cursor::new(data)) else {
            return false;
        };
        let documents = file.documents.iter().map(|document| document.bytes.len());
        let receipts = &file.receipts;
        let receipts = receipts.iter().map(|one| one.event.len() + one.token.len());
        let held: usize = documents.chain(receipts).sum();
        assert!(held <= data.len(), "{held} bytes out of {}", data.len());
        let written = file.write(Cursor::new(Vec::new())).unwrap();
        let again = ProofFile::read(Cursor::new(written.into_inner()));
        assert_eq!(again.as_ref(), Ok(&file));
        true
    })
}

/// Writes the CRC-32 of each entry's bytes where the directory and the entry's own header have it (APPNOTE 4.3.7, 4.3.12).
fn mend_checksums(zip: &mut [u8]) {
    fn number<const N: usize>(zip: &[u8], at: usize) -> Option<usize> {
        let bytes = zip.get(at..at + N)?.iter().rev();
        Some(bytes.fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
    fn mend(zip: &mut [u8], record: usize) -> Option<()> {
        let (length, local) = (
            number::<4>(zip, record + 20)?,
            number::<4>(zip, record + 42)?,
        );
        let start = local + 30 + number::<2>(zip, local + 26)? + number::<2>(zip, local + 28)?;
        let checksum = crc32(zip.get(start..start + length)?).to_le_bytes();
        for at in [record + 16, local + 14] {
            zip.get_mut(at..at + 4)?.copy_from_slice(&checksum);
        }
        Some(())
    }
    let records: Vec<usize> = zip
        .windows(4)
        .enumerate()
        .filter_map(|(at, part)| (part == b"PK\x01\x02").then_some(at))
        .take(64)
        .collect();
    for record in records {
        mend(zip, record);
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

/// One canonical form of every text of a log: note, checkpoint, tlog-proof, verifier key.
pub fn note(data: &[u8]) -> bool {
    let mut read = TlogPolicy::parse(data).is_ok();
    if let Ok(note) = Note::parse(data) {
        assert_eq!(note.encode().as_bytes(), data);
        read |= checkpoint(note.text());
    }
    if let Ok(proof) = TlogProof::parse(data) {
        assert_eq!(proof.encode().as_bytes(), data);
        assert!(checkpoint(proof.checkpoint().text()));
        read = true;
    }
    if let Some(key) = core::str::from_utf8(data)
        .ok()
        .and_then(|text| VerifierKey::parse(text).ok())
    {
        assert_eq!(key.encode().as_bytes(), data);
        read = true;
    }
    read
}

fn checkpoint(text: &str) -> bool {
    let Ok(checkpoint) = Checkpoint::parse(text) else {
        return false;
    };
    assert_eq!(checkpoint.encode(), text);
    true
}

/// The checkpoints that the log of the fixtures signed.
const SIGNED: [&str; 6] = [
    include_str!("../../fixtures/tlog/checkpoint-1.txt"),
    include_str!("../../fixtures/tlog/checkpoint-2.txt"),
    include_str!("../../fixtures/tlog/checkpoint-255.txt"),
    include_str!("../../fixtures/tlog/checkpoint-256.txt"),
    include_str!("../../fixtures/tlog/checkpoint-257.txt"),
    include_str!("../../fixtures/tlog/checkpoint-300.txt"),
];

/// That log, as a witness guards it: its key, its tree, and [`SIGNED`].
fn guarded() -> &'static (VerifierKey, Edge, Vec<Note>) {
    static LOG: OnceLock<(VerifierKey, Edge, Vec<Note>)> = OnceLock::new();
    LOG.get_or_init(|| {
        let keys = include_str!("../../fixtures/tlog/keys.txt");
        let key = keys.lines().find_map(|line| line.strip_prefix("log "));
        let mut tree = Edge::empty();
        for index in 0..300 {
            tree.append(hash_leaf(
                format!("kbox-proof vector leaf {index}").as_bytes(),
            ));
        }
        let notes = SIGNED.map(|text| Note::parse(text.as_bytes()).unwrap());
        (
            VerifierKey::parse(key.unwrap()).unwrap(),
            tree,
            notes.into(),
        )
    })
}

/// One canonical form. Whatever a witness saw last, it cosigns nothing that the log did not sign, and only from there on by the one proof
/// that there is.
pub fn add_checkpoint(data: &[u8]) -> bool {
    let Ok(request) = AddCheckpoint::parse(data) else {
        return false;
    };
    assert_eq!(request.encode().as_bytes(), data);
    let (key, tree, notes) = guarded();
    for last in [None].into_iter().chain(notes.iter().map(Some)) {
        let Ok(accepted) = judge(&request, std::slice::from_ref(key), last) else {
            continue;
        };
        let text = request.note.text();
        assert!(notes.iter().any(|note| note.text() == text), "{text}");
        let known = last.map(|note| Checkpoint::parse(note.text()).unwrap().size());
        let right = match known {
            Some(size) => consistency_proof(tree, size, accepted.size()).unwrap(),
            None => ConsistencyProof::new(Vec::new()),
        };
        assert_eq!(request.old, known.unwrap_or(TreeSize::new(0)));
        assert_eq!(request.proof, right);
    }
    true
}

/// Numbers drawn from the bytes, zeros when they run out.
struct Draw<'a>(&'a [u8]);

impl Draw<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }
    fn number(&mut self) -> u64 {
        u64::from_le_bytes(core::array::from_fn(|_| self.byte()))
    }
    fn below(&mut self, limit: usize) -> usize {
        usize::from(u16::from_le_bytes([self.byte(), self.byte()])) % limit
    }
    fn one_of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }
    fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }
}

/// A hash other than the one given.
fn other_hash(draw: &mut Draw<'_>, hash: [u8; 32]) -> [u8; 32] {
    let mut changed = hash;
    changed[draw.below(32)] ^= 1 << draw.below(8);
    changed
}

/// The same list with one hash changed, dropped, added or moved.
fn other_list(draw: &mut Draw<'_>, hashes: &[NodeHash]) -> Vec<NodeHash> {
    let mut list = hashes.to_vec();
    let kind = draw.below(4);
    if list.is_empty() || kind == 0 {
        let at = draw.below(list.len() + 1);
        let new = NodeHash::from_bytes(core::array::from_fn(|_| draw.byte()));
        list.insert(at, new);
    } else if kind == 1 {
        let at = draw.below(list.len());
        list.remove(at);
    } else if kind == 2 && list.len() > 1 {
        let at = draw.below(list.len() - 1);
        list.swap(at, at + 1);
    } else {
        let at = draw.below(list.len());
        list[at] = NodeHash::from_bytes(other_hash(draw, *list[at].as_bytes()));
    }
    list
}

/// Proofs out of a random tree hold, and with anything in them changed they do not. All leaves differ.
pub fn merkle(data: &[u8]) -> bool {
    const MOST: usize = 70;
    let mut draw = Draw(data);
    let salt = draw.number();
    let leaf = |index: u64| hash_leaf(&[salt.to_le_bytes(), index.to_le_bytes()].concat());
    let size = 1 + draw.below(MOST);
    let mut tree = Edge::empty();
    for index in 0..size as u64 {
        tree.append(leaf(index));
    }
    let root_of = |size: usize| merkle::root(&tree, TreeSize::new(size as u64)).unwrap();
    let (new, root) = (TreeSize::new(size as u64), tree.root());

    let at = draw.below(size) as u64;
    let index = LeafIndex::new(at);
    let proof = inclusion_proof(&tree, index, new).unwrap();
    verify_inclusion(&leaf(at), index, new, &proof, &root).unwrap();
    let other = draw.below(size);
    let changed = InclusionProof::new(other_list(&mut draw, proof.hashes()));
    verify_inclusion(&leaf(at), index, new, &changed, &root).unwrap_err();
    let changed = RootHash::from_bytes(other_hash(&mut draw, *root.as_bytes()));
    verify_inclusion(&leaf(at), index, new, &proof, &changed).unwrap_err();
    if other as u64 != at {
        let index = LeafIndex::new(other as u64);
        verify_inclusion(&leaf(at), index, new, &proof, &root).unwrap_err();
        verify_inclusion(&leaf(other as u64), LeafIndex::new(at), new, &proof, &root).unwrap_err();
    }
    if other != size {
        let size = TreeSize::new(other as u64);
        verify_inclusion(&leaf(at), index, size, &proof, &root_of(other)).unwrap_err();
    }

    let before = 1 + draw.below(size);
    let (old, old_root) = (TreeSize::new(before as u64), root_of(before));
    let proof = consistency_proof(&tree, old, new).unwrap();
    verify_consistency(old, &old_root, new, &root, &proof).unwrap();
    let changed = ConsistencyProof::new(other_list(&mut draw, proof.hashes()));
    verify_consistency(old, &old_root, new, &root, &changed).unwrap_err();
    let changed = RootHash::from_bytes(other_hash(&mut draw, *old_root.as_bytes()));
    verify_consistency(old, &changed, new, &root, &proof).unwrap_err();
    let changed = RootHash::from_bytes(other_hash(&mut draw, *root.as_bytes()));
    verify_consistency(old, &old_root, new, &changed, &proof).unwrap_err();
    if other != before {
        let size = TreeSize::new(other as u64);
        verify_consistency(size, &root_of(other), new, &root, &proof).unwrap_err();
    }
    if other != size {
        let size = TreeSize::new(other as u64);
        verify_consistency(old, &old_root, size, &root_of(other), &proof).unwrap_err();
    }
    true
}

fn request(draw: &mut Draw<'_>) -> Option<DelaiRequest> {
    let instance = draw.one_of(&[
        Instance::Commune,
        Instance::Epci,
        Instance::SyndicatMixteFerme,
        Instance::Departement,
        Instance::Region,
        Instance::Cst,
    ]);
    let departement = draw.one_of(&[
        None,
        Some("80"),
        Some("2A"),
        Some("57"),
        Some("67"),
        Some("75"),
        Some("971"),
        Some("975"),
        Some("987"),
        Some("988"),
        Some("20"),
        Some(""),
    ]);
    // Besides the zones of French seats, those whose calendars have holes, repeated midnights or a skipped day.
    let fuseau = draw.one_of(&[
        Some("Europe/Paris"),
        Some("Europe/Paris"),
        Some("America/Miquelon"),
        Some("Pacific/Noumea"),
        Some("Pacific/Tahiti"),
        Some("Pacific/Wallis"),
        Some("America/Havana"),
        Some("America/St_Johns"),
        Some("Pacific/Apia"),
        Some("Asia/Beirut"),
        Some("Africa/Cairo"),
        Some("europe/paris"),
        None,
    ]);
    let seance = match draw.below(8) {
        0 => core::str::from_utf8(draw.0)
            .ok()?
            .chars()
            .take(20)
            .collect(),
        _ => format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}",
            1970 + draw.below(231),
            1 + draw.below(12),
            1 + draw.below(31),
            draw.below(24),
            draw.below(60)
        ),
    };
    let envoi = match draw.below(3) {
        0 => None,
        _ => Some(Time::from_unix_nanos(draw.number().cast_signed())),
    };
    Some(DelaiRequest {
        instance,
        population: draw.flag().then(|| draw.below(10_000) as u32),
        departement: departement.map(str::to_string),
        fuseau: fuseau.map(str::to_string),
        envoi,
        precision_ms: match draw.below(3) {
            0 => draw.number(),
            _ => 0,
        },
        seance: LocalDateTime::parse(&seance).ok()?,
        urgence: draw.flag(),
        seconde_convocation: draw.flag(),
        installation: draw.flag(),
    })
}

/// Any question has an answer or a typed error, and the answers around the limits agree with the limits.
pub fn delai(data: &[u8]) -> bool {
    let Some(request) = request(&mut Draw(data)) else {
        return false;
    };
    if let Ok(answer) = law::delai(&request) {
        assert_eq!(answer.verdict.is_some(), request.envoi.is_some());
        let between = answer.ecart.map_or(0, |days| (days - 1).max(0));
        if request.envoi.is_some() {
            assert_eq!(answer.jours.len(), between as usize);
        }
        if let (Some(envoi), 0) = (request.envoi, request.precision_ms) {
            assert_ne!(answer.verdict, Some(Verdict::Indetermine));
            if envoi < answer.envoyer_avant {
                assert_eq!(answer.verdict, Some(Verdict::Respecte));
            }
        }
    }
    let ask = |envoi, precision_ms| {
        let question = DelaiRequest {
            envoi,
            precision_ms,
            ..request.clone()
        };
        law::delai(&question)
    };
    let Ok(limits) = ask(None, 0) else {
        return false;
    };
    let nano = core::time::Duration::from_nanos(1);
    let verdict = |at, precision_ms| ask(Some(at), precision_ms).unwrap().verdict.unwrap();
    let limit = limits.envoyer_avant;
    let before = ask(Some(limit.saturating_sub(nano)), 0);
    if matches!(before, Err(LawError::AnneeHorsLimites { annee: 1969 })) {
        // The calendar begins there.
        return false;
    }
    assert_eq!(before.unwrap().verdict, Some(Verdict::Respecte));
    assert_ne!(verdict(limit, 0), Verdict::Respecte);
    assert_eq!(verdict(limit, 1), Verdict::Indetermine);
    match limits.envoyer_avant_au_texte {
        Some(limit) => {
            assert_ne!(verdict(limit.saturating_sub(nano), 0), Verdict::NonRespecte);
            assert_eq!(verdict(limit, 0), Verdict::NonRespecte);
        }
        None => assert_eq!(verdict(limit, 0), Verdict::NonRespecte),
    }
    true
}
