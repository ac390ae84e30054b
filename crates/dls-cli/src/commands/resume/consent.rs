//! What a person decides about packages whose end is not known: `--resend` sends them once more, `--forget` gives
//! them up.

use dls::run::Fence;
use dls::{PackageId, ResendRefused, Run};

use crate::args;
use crate::config::user;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::ids;
use crate::progress::Follower;
use crate::stdio::note;
use crate::text;

pub(super) struct Consent {
    resend: Vec<PackageId>,
    forget: Vec<PackageId>,
    fence: Fence,
}

impl Consent {
    pub(super) fn parse(args: &args::Resume) -> Result<Self, Failure> {
        Ok(Self {
            resend: ids::read(&args.resend)?,
            forget: ids::read(&args.forget)?,
            fence: match args.no_fence {
                true => Fence::Waived,
                false => Fence::Needed,
            },
        })
    }

    /// Follows the run to its end, or ends the command where packages are given up.
    pub(super) async fn carry_out(
        self,
        follower: Follower,
        mut run: Run,
    ) -> Result<ExitCode, Failure> {
        let given = match self.forget.is_empty() {
            true => run.allow_resend(&self.resend, self.fence).await,
            false => run.forget(&self.forget, &user(), self.fence).await,
        };
        if let Err(refused) = given {
            return Err(self.refuse(follower, &run, refused));
        }
        if self.fence == Fence::Waived {
            note(
                "warning: --no-fence: an earlier request that names these packages may still arrive and be \
                 carried out",
            );
        }
        if self.forget.is_empty() {
            return follower.until_it_ends(run).await;
        }
        note(&format!(
            "given up: {}. The run claims that no longer, so another run may send it; nothing was sent",
            text::ids(&self.forget)
        ));
        Ok(follower.given_up(&run))
    }

    fn refuse(&self, follower: Follower, run: &Run, refused: ResendRefused) -> Failure {
        let failure = Failure::refused(&refused);
        let failure = failure.with_next(match refused {
            ResendRefused::TooEarly { package, left } => format!(
                "try again in {}; until then dls status {package}",
                text::span(left)
            ),
            ResendRefused::Unreachable(_) => "check the network, then run it again".to_owned(),
            ResendRefused::NoClock | ResendRefused::NoSignature(_) => format!(
                "add --no-fence to {} all the same: an earlier request may still arrive and be carried \
                 out, too",
                match self.forget.is_empty() {
                    true => "send it",
                    false => "give it up",
                }
            ),
            ResendRefused::ProofPossible => "omit --no-fence".to_owned(),
            _ => run
                .id()
                .and_then(|id| follower.journal.resume(id))
                .unwrap_or_else(|| "omit --resend and --forget".to_owned()),
        });
        follower.stopped(run, failure)
    }
}
