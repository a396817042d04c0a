import CLinux
import Glibc
import Synchronization

/// How other threads talk to a loop: messages queue under a lock and an eventfd wakes the loop.
public final class Mailbox<Message: Sendable>: Sendable {
    private let queue = Mutex<[Message]>([])
    private let wake: Descriptor

    public init() throws(ReactorError) { wake = try Syscalls.makeEventDescriptor() }

    /// Any thread. One wake-up serves all the messages that queue before the loop looks.
    public func post(_ message: Message) {
        let wasEmpty = queue.withLock { queue in
            queue.append(message)
            return queue.count == 1
        }
        guard wasEmpty else { return }
        var one: UInt64 = 1
        // A full counter (EAGAIN) means that the loop is woken already.
        _ = withUnsafeBytes(of: &one) { Glibc.write(wake.number, $0.baseAddress, $0.count) }
    }

    var descriptor: Int32 { wake.number }

    func drain() -> [Message] {
        var counter: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &counter) { Glibc.read(wake.number, $0.baseAddress, $0.count) }
        return queue.withLock { queue in
            var taken: [Message] = []
            swap(&taken, &queue)
            return taken
        }
    }
}

final class MailboxReader<Message: Sendable>: EventHandler {
    private let mailbox: Mailbox<Message>
    private let receive: (Message) -> Void

    init(_ mailbox: Mailbox<Message>, receive: @escaping (Message) -> Void) {
        self.mailbox = mailbox
        self.receive = receive
    }

    func abandon() {}

    func handle(_ events: ReadyEvents) {
        for message in mailbox.drain() { receive(message) }
    }
}
