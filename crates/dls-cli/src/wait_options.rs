//! How long to wait and how often to observe: the flags' values.

use std::time::Duration;

use dls::rollout::{Options, PollInterval};
use dls::{Resume, Run};

use crate::args;
use crate::config::time;
use crate::failure::Failure;
use crate::journal_location::JournalLocation;

#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitOptions {
    /// No limit if absent.
    timeout: Option<Duration>,
    grace: Option<Duration>,
    poll_interval: Option<PollInterval>,
    /// For one call of the journal; as long as the library thinks if absent.
    journal: Option<Duration>,
}

impl WaitOptions {
    pub(crate) fn parse(args: &args::WaitOptions) -> Result<Self, Failure> {
        let timeout = time("--timeout", Some(&args.timeout))?;
        Ok(Self {
            timeout: timeout.filter(|time| !time.is_zero()),
            grace: time("--grace", args.grace.as_deref())?,
            poll_interval: args.interval.as_deref().map(pace).transpose()?,
            journal: None,
        })
    }

    pub(crate) fn with_journal_timeout(self, global: &args::Global) -> Result<Self, Failure> {
        Ok(Self { journal: Some(JournalLocation::timeout(global)?), ..self })
    }

    /// Before the run is recorded.
    pub(crate) fn in_store(self, run: Run) -> Run {
        match self.journal {
            Some(timeout) => run.with_store_timeout(timeout),
            None => run,
        }
    }

    pub(crate) fn in_options(self, mut options: Options) -> Options {
        options.grace = self.grace.unwrap_or(options.grace);
        options.poll_interval = self.poll_interval.unwrap_or(options.poll_interval);
        options
    }

    /// What is absent stays as it was when the run was created.
    pub(crate) fn in_resume(self) -> Resume {
        let resume = Resume::new().with_grace(self.grace).with_poll_interval(self.poll_interval);
        match self.journal {
            Some(timeout) => resume.with_store_timeout(timeout),
            None => resume,
        }
    }

    pub(crate) fn limit(self, run: Run) -> Run {
        match self.timeout {
            Some(timeout) => run.with_timeout(timeout),
            None => run,
        }
    }
}

fn pace(text: &str) -> Result<PollInterval, Failure> {
    let (first, longest) = text.split_once("..").unwrap_or((text, text));
    let part = |text: &str| Ok(time("--interval", Some(text))?.unwrap_or_default());
    let (first, longest) = (part(first)?, part(longest)?);
    if first.is_zero() || longest < first {
        return Err(Failure::usage(format!(
            "--interval: `{}` must be MIN..MAX with 0 < MIN <= MAX, such as 1s..30s",
            text.escape_debug()
        )));
    }
    Ok(PollInterval::new(first, longest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn an_interval_is_one_time_or_a_range_that_grows() {
        let second = Duration::from_secs;
        assert_eq!(pace("5s").unwrap(), PollInterval::new(second(5), second(5)));
        assert_eq!(pace("1s..1m").unwrap(), PollInterval::new(second(1), second(60)));
        for wrong in ["", "..", "1s..", "..1s", "0", "0s..1s", "2s..1s", "often"] {
            assert_eq!(pace(wrong).unwrap_err().code, ExitCode::Usage, "{wrong}");
        }
    }
}
