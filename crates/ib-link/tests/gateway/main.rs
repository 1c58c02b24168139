//! The link against a simulated gateway over TCP, and against frames made by hand where the simulator is too well-behaved.
//!
//! Known traps of `ibapi` 5.5.0 and of IB behind it, by the number that they have in this project's research, and what
//! holds each of them:
//!
//! | trap | held by |
//! |---|---|
//! | 1: the handshake gives up after 100 frames | `supervision::a_hundred_frames_before_the_ids_do_not_lose_accounts` |
//! | 2: `snapshot_once` and `collect_for` hide errors | nothing to hold: this crate calls neither; `lines::what_ib_refuses_ends_the_line_with_ibs_words` |
//! | 3: 10089, 10090, 10091 and 10167 do not end a snapshot | `lines::delayed_data_fill_the_same_fields`, `lines::live_data_that_are_refused_end_the_line` |
//! | 4: `one_shot_timeout` does not bound the wait for a reconnect | `supervision::a_deadline_bounds_a_question_that_the_gateway_never_answers`, `supervision::a_lost_session_ends_its_questions_at_once_instead_of_waiting_for_a_reconnect` |
//! | 5: answers without a request id go to everyone who asks | `supervision::shared_answers_do_not_mix_when_asked_at_once`, `orders::orders_asked_at_once_are_told_whole_to_each`; the account state is one subscription per link |
//! | 6: the type of market data is the connection's | one type per link, a setting: `lines::a_new_session_is_told_the_kind_of_data_again` |
//! | 7: no message of our own can be sent | nothing to hold: each operation has a call of `ibapi`'s |
//! | 8: fundamental data are gone | `fault::tests` (430, 10358); the worker answers from contract details, tested end to end |
//! | 9: 255 headlines at most, no YIELD bars | `requests::as_many_headlines_as_fit_a_byte_are_told_and_more_are_refused_unsent`; the words for bars are refused by the worker, tested there |
//! | 10: no match is an error, several are a list | `requests::an_unknown_symbol_is_not_found_with_ibs_words`, `requests::every_contract_that_fits_is_told` |
//! | 11: times of bars in two forms, zones by IB's names | `requests::bars_come_with_dates_or_moments`, `convert::zone::tests` |
//! | 12: a row without a required field ends the whole answer | `decoders` |
//! | 13: order updates are this client's only | snapshots of all clients are asked for instead: `orders::orders_and_executions_of_another_client_are_told` |
//! | 14: 20 reconnects and then never, a half-open socket is not noticed | `supervision::a_gateway_that_stalls_is_found_by_the_checks_and_joined_again`, `supervision::a_gateway_that_refuses_is_probed_and_joined_by_itself` |

mod decoders;
mod frames;
mod kept;
mod lines;
mod options;
mod orders;
mod requests;
mod supervision;
mod support;
