import Dispatch
import Reactor

/// The folders of a configuration as a source of events: something in them changed, go and look.
final class ConfigurationNotices: Sendable {
    /// Notices that come within this time of each other are one.
    static let gatherMilliseconds = 50

    private let notices: FileNotices
    private let queue = DispatchQueue(label: "gatehouse.configuration-notices")

    /// - Throws: `ReactorError` where the kernel has no inotify instance to give.
    init() throws(ReactorError) { notices = try FileNotices() }

    /// Watches these folders and no others.
    ///
    /// - Returns: whether some of them were not watched before, so that it has to be looked what happened meanwhile.
    func watch(_ folders: [String: FileNotices.Interest]) -> Bool { notices.watch(folders) }

    /// Calls `body` for each change until the task is cancelled.
    func forEach(_ body: @Sendable () -> Void) async {
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let source = DispatchSource.makeReadSource(fileDescriptor: notices.descriptor, queue: queue)
        // Held by its handlers, the descriptor stays open until the source is cancelled.
        source.setEventHandler { [notices] in
            if notices.take() { continuation.yield() }
        }
        source.setCancelHandler { [notices] in _ = notices.take() }
        source.activate()
        defer { source.cancel() }
        for await _ in changes {
            body()
            guard (try? await Task.sleep(for: .milliseconds(Self.gatherMilliseconds))) != nil else { return }
        }
    }
}
