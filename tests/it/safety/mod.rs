//! Protection of users and of the server.

mod cross_site;
mod failures;
mod headers;
