//! A whole committee over a network that delays, loses, doubles and cuts; single rules one by one;
//! every sentence of C3 to C8 with it and without it.

mod bench;
mod divergence;
mod lost;
mod network;
mod refusals;
mod repair;
mod rules;
mod sentences;
mod sim;
mod solo;

use super::Input;
