//! One random case: a service with its assumptions and faults, and a run that meets it.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use dls::model::{JobStart, PackageId, Scope};
use dls::rollout::{Destination, IfReleased, OnLostAnswer, Options, Selection};
use dls::transport::credentials::{AccessKey, SecretKey};
use dls_emulator::{Emulator, EmulatorBuilder, Engine, FaultPlan, RateLimit, assumptions};
use fastrand::Rng;

use super::record::Record;
use super::wire::{SECRET, Setup, TOKEN};
use super::world::{Chances, World};

/// Packages of the emulator's built-in state: to be reviewed, failing, deleting, overlapping, released
/// and failed before.
const BUILT_IN: [u64; 16] = [12, 13, 23, 24, 31, 32, 41, 42, 51, 61, 62, 101, 102, 103, 118, 119];
/// The ids of packages that are added to it begin here.
const ADDED: u64 = 1001;
/// So many are added.
const MANY: u64 = 350;
/// How long a run waits for its store.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

/// What a user may do with packages that were sent before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum UserCommand {
    /// `dls deploy` of the same packages, or of some of them and others.
    #[default]
    Deploy,
    /// `dls resume`.
    Resume,
    /// `dls resume --resend` of all that is not settled.
    Resend,
    /// `dls resume --forget` of all that is not settled.
    Forget,
}

/// A user, and all that is known of the case.
pub(super) struct User {
    pub(super) world: World,
    pub(super) setup: Arc<Setup>,
    pub(super) place: Destination,
    pub(super) packages: Selection,
    pub(super) options: Options,
    /// The time that each process of a run gives itself.
    pub(super) limit: Duration,
    /// What the user does after the first command.
    pub(super) commands: Vec<UserCommand>,
    pub(super) record: Record,
}

impl User {
    pub(super) fn random(mut rng: Rng) -> Option<Self> {
        let grace = Duration::from_secs(one_of(&mut rng, &[5, 30, 120]));
        let faults = faults(&mut rng, grace);
        let engine = service(&mut rng, grace, &faults)?;
        let packages = packages(&mut rng)?;
        let options = options(&mut rng, grace);
        let limit = Duration::from_secs(one_of(&mut rng, &[20, 300, 1800]));
        let chances = Chances {
            death: one_of(&mut rng, &[0.0, 0.0, 0.003, 0.03]),
            clock: one_of(&mut rng, &[0.0, 0.0, 0.003]),
            rival: one_of(&mut rng, &[0.0, 0.02]),
            disk: one_of(&mut rng, &[0.0, 0.0, 0.0, 0.01, 0.1]),
            flip: one_of(&mut rng, &[0.0, 0.0, 0.0, 0.2]),
        };
        let commands = (0..rng.usize(0..5)).map(|_| command(&mut rng)).collect();
        let place = Destination::new(
            "http://emulator.example.com",
            "b384b9e9ab9b4ee8994c8633aabc9505".parse().ok()?,
            "default".parse().ok()?,
        );
        let setup = Setup {
            scope: Scope::new(place.project.clone()).with_workspace(place.workspace.clone()),
            key: AccessKey::new("AKIDEXAMPLE", SecretKey::new(SECRET).ok()?).ok()?,
            has_date: rng.u8(0..10) != 0,
            token: (rng.u8(0..10) == 0).then_some(TOKEN),
        };
        // One call of the store may take its own limit, and no other one follows.
        let late = if chances.disk > 0.0 { STORE_TIMEOUT } else { Duration::ZERO };
        Some(Self {
            world: World::new(engine, rng, chances),
            setup: Arc::new(setup),
            place,
            packages,
            options,
            limit,
            commands,
            record: Record::new(limit + late, &faults),
        })
    }
}

/// A selection of the same packages, or of some of them beside others.
pub(crate) fn reselect(rng: &mut Rng, before: &Selection) -> Option<Selection> {
    if rng.bool() {
        return Some(before.clone());
    }
    let kept = before.iter().copied().filter(|_| rng.bool());
    let mut ids: Vec<PackageId> = kept.collect();
    let other = one_of(rng, &BUILT_IN);
    let other = PackageId::try_from(other).ok();
    ids.extend(other.filter(|other| !ids.contains(other)));
    Selection::new(ids).ok()
}

fn command(rng: &mut Rng) -> UserCommand {
    use UserCommand::{Deploy, Forget, Resend, Resume};
    one_of(rng, &[Deploy, Deploy, Resume, Resume, Resend, Resend, Forget])
}

fn one_of<T: Copy + Default>(rng: &mut Rng, values: &[T]) -> T {
    rng.choice(values).copied().unwrap_or_default()
}

fn packages(rng: &mut Rng) -> Option<Selection> {
    // Few packages are the usual case and the quick one; now and then there are several requests.
    let (few, many) = (rng.usize(1..6), rng.usize(90..MANY as usize));
    let count = if rng.u8(0..50) == 0 { many } else { few };
    let mut ids: Vec<u64> = BUILT_IN.into_iter().chain(ADDED..ADDED + MANY).collect();
    if count == few && rng.bool() {
        ids.truncate(BUILT_IN.len());
    }
    rng.shuffle(&mut ids);
    let ids = ids.into_iter().take(count);
    let ids = ids.filter_map(|id| PackageId::try_from(id).ok());
    Selection::new(ids).ok()
}

fn options(rng: &mut Rng, grace: Duration) -> Options {
    let start = if rng.bool() { JobStart::Later } else { JobStart::Immediately };
    let lost = if rng.bool() { OnLostAnswer::Reconcile } else { OnLostAnswer::Stop };
    let mut options = Options::new(start);
    options.wait = rng.u8(0..4) != 0;
    options.redeploy_failed = rng.bool();
    options.allow_delete = rng.u8(0..4) != 0;
    options.in_order = rng.u8(0..3) == 0;
    options.keep_going = rng.bool();
    options.if_released = if rng.bool() { IfReleased::Ok } else { IfReleased::Fail };
    options.on_lost_answer = if rng.u8(0..4) == 0 { lost } else { OnLostAnswer::Reconcile };
    options.grace = grace;
    options
}

fn service(rng: &mut Rng, grace: Duration, faults: &str) -> Option<Engine> {
    let length = one_of(rng, &[0, 2, 20, 200]);
    let mut builder = Emulator::builder()
        .rate_limit(RateLimit::Off)
        .release_time(Duration::from_secs(length))
        .extra_packages(u32::try_from(MANY).unwrap_or_default());
    if rng.bool() {
        builder = assume(rng, builder, grace);
    }
    let plan = FaultPlan::from_toml(faults).ok()?;
    Some(builder.faults(plan).engine())
}

/// Each answer that the service may give to what its documents leave open.
fn assume(rng: &mut Rng, mut builder: EmulatorBuilder, grace: Duration) -> EmulatorBuilder {
    for assumption in assumptions() {
        if rng.u8(0..3) != 0 {
            continue;
        }
        let value = rng.choice(assumption.values).copied().unwrap_or_default();
        let value = match value {
            "TIME" => format!("{}ms", rng.u128(0..grace.as_millis() / 2)),
            "N" => rng.u32(2..120).to_string(),
            word => word.to_owned(),
        };
        let assumed = builder.clone().assume(assumption.name, &value);
        builder = assumed.unwrap_or(builder);
    }
    builder
}

/// Up to five rules, as a file would have them.
fn faults(rng: &mut Rng, grace: Duration) -> String {
    let mut text = format!("seed = {}\n", rng.u32(..));
    // A clock that is off stays so: no fence holds if the service's clock goes back.
    if rng.u8(0..8) == 0 {
        let skew = rng.i32(-800..800);
        let _ = write!(text, "[[faults]]\non = \"any\"\nnth = 1\ndo = {{ skew = \"{skew}s\" }}\n");
    }
    for _ in 0..rng.u8(0..6) {
        let on = one_of(rng, &["deploy", "deploy", "deploy", "show", "list", "any"]);
        let when = match rng.u8(0..3) {
            0 => format!("nth = {}", rng.u8(1..4)),
            1 => format!("every = {}", rng.u8(2..5)),
            _ => format!("chance = 0.{}", rng.u8(1..7)),
        };
        let what = what(rng, grace);
        let _ = write!(text, "[[faults]]\non = \"{on}\"\n{when}\ndo = {what}\n");
        // A gateway that throws a request away says so because it did not let it through.
        let is_told = !what.contains("throttle") && rng.bool();
        if is_told && !NO_ANSWERS.iter().any(|part| what.contains(part)) {
            let _ = writeln!(text, "done = {}", rng.bool());
        }
    }
    text
}

/// Parts of the faults that put nothing in the place of the answer.
const NO_ANSWERS: [&str; 8] =
    ["silence", "overlong", "throttle", "bytes", "lag", "copy", "other", "drip"];

fn what(rng: &mut Rng, grace: Duration) -> String {
    let words = [
        "close",
        "reset",
        "silence",
        "html",
        "redirect",
        "garbage",
        "empty",
        "truncated",
        "overlong",
        "throttle",
        "partly-done",
    ];
    match rng.u8(0..11) {
        0..4 => format!("\"{}\"", one_of(rng, &words)),
        4 => {
            let status: u16 = one_of(rng, &[401, 403, 404, 429, 500, 502, 503, 504]);
            format!("{{ status = {status} }}")
        }
        5 => format!("{{ close-after-bytes = {} }}", rng.u8(..)),
        6 => format!("{{ lag = \"{}ms\" }}", rng.u128(0..grace.as_millis() / 2)),
        7 => format!("{{ copy = \"{}ms\" }}", copied_after(rng)),
        8 => format!("{{ nested-code = {} }}", one_of(rng, &[400, 429])),
        9 => {
            let who = one_of(rng, &["releases", "revokes"]);
            let order = one_of(rng, &["before", "after"]);
            format!("\"other-{who}-{order}\"")
        }
        _ => format!("{{ drip = \"{}ms\" }}", one_of(rng, &[1, 90_000])),
    }
}

/// Most copies come soon, and some after the signature has expired.
fn copied_after(rng: &mut Rng) -> u32 {
    let longest = one_of(rng, &[120_000, 120_000, 7_200_000]);
    rng.u32(1..longest)
}
