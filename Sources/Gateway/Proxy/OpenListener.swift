import Reactor

/// A listener that is bound, on one worker. What it is called and serves may change with the configuration; the socket
/// stays.
final class OpenListener {
    /// As the configuration in force has it.
    var settings: Listener
    var socket: ListenSocket?
    /// The configuration does not name it any more: its connections end when they are idle.
    var isRetired = false

    init(_ settings: Listener) { self.settings = settings }
}
