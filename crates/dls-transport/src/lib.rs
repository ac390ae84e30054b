#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod builder;
mod clock;
pub mod credentials;
mod deadline;
mod error;
mod fresh_connection;
mod http1;
mod limiter;
mod limits;
mod origin;
mod pool;
mod prepared_request;
mod redact;
mod response;
mod retry;
mod retry_after;
mod sender;
pub mod sign;
mod stream;
mod tcp;
mod tls;
mod trace;
mod transport;

pub use builder::TransportBuilder;
pub use error::{Delivery, Error, ErrorKind, Phase};
pub use fresh_connection::FreshConnection;
pub use limiter::Rate;
pub use limits::Limits;
pub use origin::PlaintextHosts;
pub use response::ResponseMeta;
pub use retry::Retry;
pub use retry_after::ClockSkew;
pub use tls::Roots;
pub use transport::Transport;
