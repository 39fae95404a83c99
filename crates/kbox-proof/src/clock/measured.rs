// SPDX-License-Identifier: Apache-2.0 OR MIT
//! The system clock, with an accuracy that is measured again and again.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::discriminant;
use core::time::Duration;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::source::{SourceReport, TimeSource, Verdict, verdict};
use super::{Clock, ClockError, ClockReading, Measurement, Moment, OffsetInterval};
use crate::time::Time;

/// The most that a clock in order may drift: NTP's tolerance for the frequency of a clock that it disciplines (RFC 5905 §11.3).
const MAX_DRIFT_PPM: u32 = 500;

/// STEPT: from here on NTP itself steps a clock, below it slews (RFC 5905 §11.3). What the clock moved below it is added to
/// what it may be off.
const STEP: Duration = Duration::from_millis(128);

/// How often the poller looks whether the state changed, so that a step is in the log a second later though nobody asks for time.
const WATCH: Duration = Duration::from_secs(1);

/// What may pass between the start of a measurement and its result: names are looked up, answers are awaited.
const ASKING: Duration = Duration::from_secs(3);

/// How a clock is measured, and what is asked of it.
#[derive(Clone, Copy, Debug)]
pub struct MeasuredConfig {
    /// How often the sources are asked.
    pub poll: Duration,
    /// The age at which a measurement says nothing more.
    pub max_age: Duration,
    /// How far off the clock may be; beyond, it refuses.
    pub limit: Duration,
    /// How fast the clock may drift away unseen after a measurement, in parts per million.
    pub drift_ppm: u32,
}

impl MeasuredConfig {
    /// A clock that may be off by `limit`, measured each `poll`: one measurement may fail, and 500 ppm of drift are allowed for.
    #[must_use]
    pub fn new(poll: Duration, limit: Duration) -> Self {
        Self {
            poll,
            max_age: poll.saturating_mul(2).saturating_add(ASKING),
            limit,
            drift_ppm: MAX_DRIFT_PPM,
        }
    }
}

/// The clock became trusted, or refuses, or refuses for another reason.
#[derive(Clone, Debug)]
pub struct ClockEvent {
    /// What the system clock showed, right or wrong.
    pub at: Option<Time>,
    /// What it gives now.
    pub reading: Result<ClockReading, ClockError>,
    /// What each source last said.
    pub sources: Vec<String>,
}

/// The system clock, whose accuracy a time source measures.
///
/// It refuses when it moved against the monotonic clock, when the last measurement is too old, when the sources disagree or
/// call themselves unsynchronised, and when it is further off than allowed (EN 319 421 §7.7.2); it recovers by itself when it is
/// measured again. The clock is never corrected: that it is off is part of its accuracy.
///
/// A thread measures; reading waits for nothing. The thread ends when this is dropped, at the latest when a measurement under
/// way is over.
pub struct MeasuredClock {
    shared: Arc<Shared>,
    /// Dropping it tells the poller to stop.
    stop: Option<Sender<()>>,
    poller: Option<JoinHandle<()>>,
}

struct Shared {
    config: MeasuredConfig,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The last measurement, or why there is none.
    fix: Result<Fix, ClockError>,
    /// A step since; only a new measurement can say which of its two sides was right.
    stepped: Option<Duration>,
    reports: Vec<SourceReport>,
}

#[derive(Clone, Copy, Debug)]
struct Fix {
    at: Moment,
    /// Where true time lay.
    offset: OffsetInterval,
}

impl State {
    fn new() -> Self {
        Self {
            fix: Err(ClockError::Unmeasured),
            stepped: None,
            reports: Vec::new(),
        }
    }

    fn read(&mut self, now: &Moment, config: &MeasuredConfig) -> Result<ClockReading, ClockError> {
        let fix = self.fix?;
        let moved = fix.at.moved(now);
        if self.stepped.is_none() && moved > STEP {
            self.stepped = Some(moved);
        }
        if let Some(by) = self.stepped {
            return Err(ClockError::Stepped { by });
        }
        let age = now.after.saturating_duration_since(fix.at.before);
        if age > config.max_age {
            return Err(ClockError::Stale { age });
        }
        let drift = age.saturating_mul(config.drift_ppm) / 1_000_000;
        let accuracy = fix
            .offset
            .bound()
            .saturating_add(moved)
            .saturating_add(drift);
        if accuracy > config.limit {
            return Err(ClockError::Inaccurate {
                accuracy,
                limit: config.limit,
            });
        }
        Ok(ClockReading {
            time: now.time()?,
            accuracy,
        })
    }

    /// Takes what the sources said of the timeline that starts at `at`.
    fn measured(&mut self, at: Moment, reports: Vec<SourceReport>) {
        match verdict(&reports) {
            Verdict::Agreed(interval) => {
                self.fix = Ok(Fix {
                    at,
                    offset: interval,
                });
                self.stepped = None;
            }
            Verdict::Disagreement => self.fix = Err(ClockError::Disagreement),
            Verdict::Unsynchronised => self.fix = Err(ClockError::Unsynchronised),
            // Silence says nothing against the last measurement, until that is too old.
            Verdict::Unanswered => {}
        }
        self.reports = reports;
    }

    fn sources(&self) -> Vec<String> {
        let Verdict::Agreed(agreed) = verdict(&self.reports) else {
            return self.lines(|_| "");
        };
        self.lines(|report| match &report.outcome {
            Ok(interval) if !interval.overlaps(&agreed) => ", against the majority",
            _ => "",
        })
    }

    fn lines(&self, note: impl Fn(&SourceReport) -> &'static str) -> Vec<String> {
        let line = |report: &SourceReport| match &report.outcome {
            Ok(interval) => format!("{}: {interval}{}", report.name, note(report)),
            Err(error) => format!("{}: {error}", report.name),
        };
        self.reports.iter().map(line).collect()
    }
}

impl Shared {
    /// A panic elsewhere cannot leave these few words half written in a way that hides a step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> Result<ClockReading, ClockError> {
        // Under the lock, so that no measurement is newer than the reading.
        let mut state = self.lock();
        state.read(&Moment::now()?, &self.config)
    }
}

impl MeasuredClock {
    /// Measures once, then goes on measuring in a thread of its own. Each change of state is told to `observer`, the first state
    /// included; a clock that cannot be trusted yet is no error here.
    ///
    /// # Errors
    /// There is no thread.
    pub fn start(
        config: MeasuredConfig,
        source: impl TimeSource + 'static,
        observer: impl Fn(&ClockEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            config,
            state: Mutex::new(State::new()),
        });
        let mut poller = Poller {
            shared: Arc::clone(&shared),
            source: Box::new(source),
            observer: Box::new(observer),
            told: None,
        };
        poller.poll();
        let (stop, stopped) = channel();
        let thread = thread::Builder::new()
            .name("clock".into())
            .spawn(move || poller.run(&stopped))?;
        Ok(Self {
            shared,
            stop: Some(stop),
            poller: Some(thread),
        })
    }
}

impl Clock for MeasuredClock {
    fn read(&self) -> Result<ClockReading, ClockError> {
        self.shared.read()
    }

    fn sources(&self) -> Vec<String> {
        self.shared.lock().sources()
    }

    fn measurement(&self) -> Option<Measurement> {
        let fix = self.shared.lock().fix.ok()?;
        Some(Measurement {
            offset: fix.offset,
            age: fix.at.before.elapsed(),
        })
    }
}

impl Drop for MeasuredClock {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(poller) = self.poller.take() {
            // Had it panicked, measurements would have become too old: there is nothing left to do about it.
            let _ = poller.join();
        }
    }
}

struct Poller {
    shared: Arc<Shared>,
    source: Box<dyn TimeSource>,
    observer: Box<dyn Fn(&ClockEvent) + Send>,
    /// The state last told.
    told: Option<Result<(), ClockError>>,
}

impl Poller {
    fn run(mut self, stopped: &Receiver<()>) {
        let mut due = Instant::now() + self.shared.config.poll;
        loop {
            let wait = due.saturating_duration_since(Instant::now()).min(WATCH);
            if stopped.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                return;
            }
            self.watch();
            let now = Instant::now();
            if now >= due {
                self.poll();
                due = now + self.shared.config.poll;
            }
        }
    }

    fn poll(&mut self) {
        // Outside the years there is nothing to measure, and reading refuses by itself.
        if let Ok(base) = Moment::now() {
            let reports = self.source.measure(&base);
            self.shared.lock().measured(base, reports);
        }
        self.watch();
    }

    fn watch(&mut self) {
        let reading = self.shared.read();
        let state = reading.map(|_| ());
        let same = match (&self.told, &state) {
            (Some(Ok(())), Ok(())) => true,
            (Some(Err(old)), Err(new)) => discriminant(old) == discriminant(new),
            _ => false,
        };
        if same {
            return;
        }
        self.told = Some(state);
        let sources = self.shared.lock().sources();
        (self.observer)(&ClockEvent {
            at: Moment::now().and_then(|now| now.time()).ok(),
            reading,
            sources,
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::clock::SourceError;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn config() -> MeasuredConfig {
        MeasuredConfig {
            max_age: 128 * SECOND,
            ..MeasuredConfig::new(64 * SECOND, 999 * MS)
        }
    }

    /// A moment whose pair has no width.
    fn start() -> Moment {
        let now = Instant::now();
        Moment {
            before: now,
            wall: 1_790_000_000 * SECOND,
            after: now,
        }
    }

    fn later(from: &Moment, by: Duration) -> Moment {
        Moment {
            before: from.before + by,
            wall: from.wall + by,
            after: from.after + by,
        }
    }

    /// The system clock was set forwards or back.
    fn set(moment: &Moment, millis: i64) -> Moment {
        let by = Duration::from_millis(millis.unsigned_abs());
        Moment {
            wall: if millis < 0 {
                moment.wall - by
            } else {
                moment.wall + by
            },
            ..*moment
        }
    }

    fn right(error: Duration) -> Vec<SourceReport> {
        outcomes(&[Ok(OffsetInterval::within(error))])
    }

    fn outcomes(outcomes: &[Result<OffsetInterval, SourceError>]) -> Vec<SourceReport> {
        let one = |(index, outcome): (usize, &Result<OffsetInterval, SourceError>)| SourceReport {
            name: format!("ntp{index}"),
            outcome: *outcome,
        };
        outcomes.iter().enumerate().map(one).collect()
    }

    fn fixed(at: &Moment, error: Duration) -> State {
        let mut state = State::new();
        state.measured(*at, right(error));
        state
    }

    #[test]
    fn nothing_is_read_before_the_first_measurement() {
        let mut state = State::new();
        let unmeasured = Err(ClockError::Unmeasured);
        assert_eq!(state.read(&start(), &config()), unmeasured);
        state.measured(start(), outcomes(&[Err(SourceError::NoAnswer)]));
        assert_eq!(state.read(&start(), &config()), unmeasured);
    }

    #[test]
    fn accuracy_is_what_was_measured_and_grows_by_500_ppm_until_the_measurement_is_stale() {
        let at = start();
        let mut state = fixed(&at, 20 * MS);
        let mut accuracy = |after| {
            let now = later(&at, after);
            let reading = state.read(&now, &config())?;
            assert_eq!(reading.time, now.time().unwrap());
            Ok(reading.accuracy)
        };
        assert_eq!(accuracy(Duration::ZERO), Ok(20 * MS));
        assert_eq!(accuracy(10 * SECOND), Ok(25 * MS));
        assert_eq!(accuracy(128 * SECOND), Ok(84 * MS));
        let age = 128 * SECOND + MS;
        assert_eq!(accuracy(age), Err(ClockError::Stale { age }));
    }

    #[test]
    fn a_clock_that_is_off_by_more_than_allowed_refuses_whichever_way_and_as_it_ages() {
        let at = start();
        for (low, high) in [(1_200, 1_210), (-1_210, -1_200)] {
            let mut state = State::new();
            let interval = OffsetInterval::new(low * 1_000_000, high * 1_000_000).unwrap();
            state.measured(at, outcomes(&[Ok(interval)]));
            let inaccurate = ClockError::Inaccurate {
                accuracy: 1_210 * MS,
                limit: 999 * MS,
            };
            assert_eq!(state.read(&at, &config()), Err(inaccurate));
        }
        let mut state = fixed(&at, 999 * MS);
        assert_eq!(state.read(&at, &config()).unwrap().accuracy, 999 * MS);
        let aged = state.read(&later(&at, SECOND), &config());
        assert!(
            matches!(aged, Err(ClockError::Inaccurate { .. })),
            "{aged:?}"
        );
    }

    #[test]
    fn a_step_of_two_seconds_either_way_refuses_until_the_clock_is_measured_again() {
        for millis in [2_000, -2_000] {
            let at = start();
            let mut state = fixed(&at, 5 * MS);
            let now = later(&at, 10 * SECOND);
            let stepped = Err(ClockError::Stepped { by: 2 * SECOND });
            assert_eq!(state.read(&set(&now, millis), &config()), stepped);
            // Stepping back hides nothing, nor does silence.
            assert_eq!(state.read(&now, &config()), stepped);
            state.measured(now, outcomes(&[Err(SourceError::NoAnswer)]));
            assert_eq!(state.read(&now, &config()), stepped);
            // Measured where the step led: the clock is wrong now.
            let wrong = OffsetInterval::new(-millis * 1_000_000, -millis * 1_000_000).unwrap();
            state.measured(set(&now, millis), outcomes(&[Ok(wrong)]));
            assert_eq!(
                state.read(&set(&now, millis), &config()),
                Err(ClockError::Inaccurate {
                    accuracy: 2 * SECOND,
                    limit: 999 * MS
                })
            );
            // Corrected, which is a step again, then measured.
            assert_eq!(state.read(&now, &config()), stepped);
            state.measured(now, right(5 * MS));
            assert_eq!(state.read(&now, &config()).unwrap().accuracy, 5 * MS);
        }
    }

    #[test]
    fn a_step_while_the_sources_are_asked_is_seen() {
        let at = start();
        let mut state = fixed(&at, 5 * MS);
        // The moment was taken before the step, the answers came after it.
        let stepped = set(&later(&at, 10 * MS), 2_000);
        assert_eq!(
            state.read(&stepped, &config()),
            Err(ClockError::Stepped { by: 2 * SECOND })
        );
    }

    #[test]
    fn a_small_move_counts_as_inaccuracy_and_a_suspended_thread_is_no_move() {
        let at = start();
        let mut state = fixed(&at, 5 * MS);
        let moved = state.read(&set(&at, -100), &config()).unwrap();
        assert_eq!(moved.accuracy, 105 * MS);
        let suspended = Moment {
            after: at.after + 300 * MS,
            ..later(&at, Duration::ZERO)
        };
        let reading = state.read(&suspended, &config()).unwrap();
        assert!(reading.accuracy < 6 * MS, "{reading:?}");
        let suspended_in_between = set(&suspended, 300);
        assert!(state.read(&suspended_in_between, &config()).is_ok());
    }

    #[test]
    fn sources_that_contradict_the_clock_refuse_at_once_and_silence_does_not() {
        let at = start();
        let near = Ok(OffsetInterval::within(5 * MS));
        let far = |millis: i64| OffsetInterval::new(millis * 1_000_000, millis * 1_000_000);
        let mut state = fixed(&at, 5 * MS);
        let none = Err(SourceError::NoAnswer);
        state.measured(at, outcomes(&[near, none, none]));
        assert!(state.read(&at, &config()).is_ok());
        let split = [near, Ok(far(2_000).unwrap()), Ok(far(9_000).unwrap())];
        state.measured(at, outcomes(&split));
        assert_eq!(state.read(&at, &config()), Err(ClockError::Disagreement));
        state.measured(at, outcomes(&[near, near, Ok(far(2_000).unwrap())]));
        assert_eq!(state.read(&at, &config()).unwrap().accuracy, 5 * MS);
        assert_eq!(
            state.sources()[2],
            "ntp2: +2000.000 ms ± 0.000 ms, against the majority"
        );
        let lost = Err(SourceError::Unsynchronised);
        state.measured(at, outcomes(&[lost, lost, near]));
        assert_eq!(state.read(&at, &config()), Err(ClockError::Unsynchronised));
        assert_eq!(state.sources()[0], "ntp0: not synchronised");
    }

    #[test]
    fn drift_is_seen_by_the_monotonic_clock_and_again_by_the_sources() {
        // 1000 ppm fast, twice what a disciplined clock may: 640 ms in ten polls of 64 s, each of them 64 ms.
        let mut at = start();
        let mut state = fixed(&at, 5 * MS);
        let mut error = 0;
        for _ in 0..10 {
            at = set(&later(&at, 64 * SECOND), 64);
            error += 64;
            // Before it is measured: the move against the monotonic clock, and what it may have drifted unseen.
            let accuracy = state.read(&at, &config()).unwrap().accuracy;
            assert_eq!(accuracy, Duration::from_millis(5 + error - 64 + 64 + 32));
            // As measured: the whole error since the start.
            let ahead = i64::try_from(error).unwrap() * -1_000_000;
            let measured = OffsetInterval::new(ahead - 5_000_000, ahead + 5_000_000).unwrap();
            state.measured(at, outcomes(&[Ok(measured)]));
            let accuracy = state.read(&at, &config()).unwrap().accuracy;
            assert_eq!(accuracy, Duration::from_millis(5 + error));
        }
        // And on, beyond what is allowed.
        let measured = OffsetInterval::new(-1_100_000_000, -1_090_000_000).unwrap();
        state.measured(at, outcomes(&[Ok(measured)]));
        let refused = state.read(&at, &config());
        assert!(
            matches!(refused, Err(ClockError::Inaccurate { .. })),
            "{refused:?}"
        );
    }

    #[test]
    fn a_leap_second_stops_issuing_until_it_is_over_and_the_clock_is_measured_again() {
        // Inserted: the kernel says so while it lasts, and POSIX time shows 23:59:59 twice.
        let at = start();
        let mut state = fixed(&at, 5 * MS);
        let during = later(&at, 10 * SECOND);
        state.measured(during, outcomes(&[Err(SourceError::LeapSecond)]));
        let refused = state.read(&during, &config());
        assert_eq!(refused, Err(ClockError::Unsynchronised));
        let after = set(&later(&during, SECOND), -1_000);
        assert_eq!(
            state.read(&after, &config()),
            Err(ClockError::Unsynchronised)
        );
        state.measured(after, right(5 * MS));
        assert_eq!(state.read(&after, &config()).unwrap().accuracy, 5 * MS);
        // Inserted or left out between two measurements: the step is seen, either way.
        for millis in [-1_000, 1_000] {
            let mut state = fixed(&at, 5 * MS);
            let leapt = set(&later(&at, 10 * SECOND), millis);
            let stepped = Err(ClockError::Stepped { by: SECOND });
            assert_eq!(state.read(&leapt, &config()), stepped);
            state.measured(leapt, right(5 * MS));
            assert_eq!(state.read(&leapt, &config()).unwrap().accuracy, 5 * MS);
        }
        // Smeared: servers that stretch it over a day and servers that do not contradict each other by up to half a second.
        let smeared = OffsetInterval::new(-500_000_000, -490_000_000).unwrap();
        let utc = OffsetInterval::within(5 * MS);
        let mut state = State::new();
        state.measured(at, outcomes(&[Ok(utc), Ok(utc), Ok(smeared)]));
        assert_eq!(state.read(&at, &config()).unwrap().accuracy, 5 * MS);
        state.measured(at, outcomes(&[Ok(utc), Ok(smeared)]));
        assert_eq!(state.read(&at, &config()), Err(ClockError::Disagreement));
    }

    /// A source that a test steers: what it says, and how often it was asked.
    #[derive(Clone)]
    struct Steered(Arc<Mutex<(Vec<SourceReport>, usize)>>);

    impl TimeSource for Steered {
        fn measure(&mut self, _: &Moment) -> Vec<SourceReport> {
            let mut steered = self.0.lock().unwrap();
            steered.1 += 1;
            steered.0.clone()
        }
    }

    fn wait_for(mut condition: impl FnMut() -> bool) {
        let patience = Instant::now() + 30 * SECOND;
        while !condition() {
            assert!(Instant::now() < patience, "waited in vain");
            thread::sleep(5 * MS);
        }
    }

    #[test]
    fn the_poller_recovers_by_itself_tells_each_change_once_and_ends_with_the_clock() {
        let source = Steered(Arc::new(Mutex::new((right(5 * MS), 0))));
        let told = Arc::new(Mutex::new(Vec::new()));
        let clock = {
            let told = Arc::clone(&told);
            let config = MeasuredConfig::new(20 * MS, 999 * MS);
            MeasuredClock::start(config, source.clone(), move |event| {
                assert!(event.at.is_some());
                told.lock().unwrap().push(event.reading.map(|_| ()));
            })
            .unwrap()
        };
        assert!(clock.read().unwrap().accuracy >= 5 * MS);
        let measurement = clock.measurement().unwrap();
        assert_eq!(measurement.offset, OffsetInterval::within(5 * MS));
        assert!(measurement.age < 30 * SECOND);
        assert_eq!(clock.sources(), ["ntp0: +0.000 ms ± 5.000 ms"]);
        source.0.lock().unwrap().0 = outcomes(&[Err(SourceError::Unsynchronised)]);
        wait_for(|| clock.read() == Err(ClockError::Unsynchronised));
        assert_eq!(clock.measurement(), None);
        let asked = source.0.lock().unwrap().1;
        wait_for(|| source.0.lock().unwrap().1 > asked + 3);
        source.0.lock().unwrap().0 = right(7 * MS);
        wait_for(|| clock.read().is_ok());
        let asked = source.0.lock().unwrap().1;
        wait_for(|| source.0.lock().unwrap().1 > asked + 3);
        drop(clock);
        assert_eq!(
            *told.lock().unwrap(),
            [Ok(()), Err(ClockError::Unsynchronised), Ok(())]
        );
        // The thread held the source: now only the test does.
        assert_eq!(Arc::strong_count(&source.0), 1);
    }
}
