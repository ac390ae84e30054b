//! Turns a route template into a path: the project and the one parameter take the places in braces.

use std::fmt::Write;

use crate::ids::ProjectId;

/// Fills `{project_id}` with the project and any other place in braces with `parameter`, percent-escaped.
pub(crate) fn fill(route: &str, project: &ProjectId, parameter: &str) -> String {
    let mut path = String::with_capacity(route.len() + 64);
    for segment in route.split('/').skip(1) {
        path.push('/');
        match segment {
            "{project_id}" => path.push_str(project.as_str()),
            _ if segment.starts_with('{') => push_escaped(&mut path, parameter),
            _ => path.push_str(segment),
        }
    }
    path
}

/// Escapes all but the unreserved characters of RFC 3986.
fn push_escaped(path: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                path.push(char::from(byte));
            }
            // Writing to a String cannot fail.
            _ => drop(write!(path, "%{byte:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_cannot_leave_its_segment() {
        let project = "abc".parse().unwrap();
        let path = fill("/v1/{project_id}/system-tasks/{task_id}", &project, "a/../b?c#d é%~");
        assert_eq!(path, "/v1/abc/system-tasks/a%2F..%2Fb%3Fc%23d%20%C3%A9%25~");
    }
}
