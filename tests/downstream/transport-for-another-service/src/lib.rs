//! Two calls of services that have nothing to do with releases, over the transport alone: a read of IAM, which may
//! be repeated, and a message of SMN to people, who would get it twice.

use std::fmt;

use dls_transport::{Delivery, Retry, Transport};
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

/// The ids of the projects of this name (IAM: `GET /v3/projects`). `origin` is `https://iam.{region}.…`.
pub async fn projects(
    transport: &Transport,
    origin: &str,
    name: &str,
) -> Result<Vec<String>, Error> {
    let uri = format!("{origin}/v3/projects?name={name}");
    let request = Request::get(uri).body(Vec::new()).map_err(Error::Request)?;
    let answer = transport.call(request, Retry::Allowed).await;
    let projects = success(answer)?;
    let projects = projects["projects"].as_array().into_iter().flatten();
    let ids = projects.filter_map(|project| project["id"].as_str());
    Ok(ids.map(str::to_owned).collect())
}

/// Sends a message to all who subscribed to a topic (SMN: `POST /v2/{project}/notifications/topics/{topic}/publish`)
/// and gives its id. `origin` is `https://smn.{region}.…`.
pub async fn publish(
    transport: &Transport,
    origin: &str,
    (project, topic): (&str, &str),
    message: &str,
) -> Result<String, Error> {
    let uri = format!("{origin}/v2/{project}/notifications/topics/{topic}/publish");
    let body = json!({"subject": "Releases", "message": message}).to_string();
    let request = Request::post(uri)
        .header("content-type", "application/json")
        .body(body.into_bytes())
        .map_err(Error::Request)?;
    let answer = success(transport.call(request, Retry::Never).await)?;
    let id = answer["message_id"].as_str();
    id.map(str::to_owned).ok_or(Error::Unreadable)
}

fn success(answer: Result<Response<Vec<u8>>, dls_transport::Error>) -> Result<Value, Error> {
    let answer = answer.map_err(Error::Transport)?;
    if !answer.status().is_success() {
        return Err(Error::Refused(answer.status()));
    }
    serde_json::from_slice(answer.body()).map_err(|_| Error::Unreadable)
}

/// Why a call gave nothing.
#[derive(Debug)]
pub enum Error {
    /// A part of the address cannot stand in one. Nothing was sent.
    Request(http::Error),
    /// No answer; [`delivery`](Error::delivery) tells whether it was carried out.
    Transport(dls_transport::Error),
    /// The service refused.
    Refused(StatusCode),
    /// A success that cannot be read.
    Unreadable,
}

impl Error {
    /// What is proved about the request.
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::Request(_) => Delivery::NotSent,
            Self::Transport(error) => error.delivery(),
            Self::Refused(_) | Self::Unreadable => Delivery::Answered,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::Refused(status) => write!(f, "refused with {status}"),
            Self::Unreadable => f.write_str("the answer cannot be read"),
        }
    }
}

impl std::error::Error for Error {}
