import GatewayTestSupport
import Synchronization
import Testing

@testable import Reactor

@Suite(.serialized, .timeLimit(.minutes(2))) struct MailboxTests {
    @Test func `delivers every message of many threads, each thread's in its order`() throws {
        struct Message: Sendable {
            let thread: Int
            let number: Int
        }
        final class Received: Sendable { let list = Mutex<[Message]>([]) }
        let received = Received()
        let mailbox = try Mailbox<Message>()
        let loop = try LoopThread()
        try loop.onLoop { eventLoop in
            try eventLoop.attach(mailbox) { message in received.list.withLock { $0.append(message) } }
        }
        let perThread = 5_000
        let threads = try (0..<4).map { thread in
            try WorkerThread(name: "sender") {
                for number in 0..<perThread { mailbox.post(Message(thread: thread, number: number)) }
            }
        }
        for thread in threads { thread.join() }
        #expect(eventually { received.list.withLock { $0.count } == 4 * perThread })
        loop.stop()
        let list = received.list.withLock { $0 }
        for thread in 0..<4 {
            let numbers = list.filter { $0.thread == thread }.map(\.number)
            #expect(numbers == Array(0..<perThread))
        }
    }

    @Test func `wakes a loop that has nothing else to wait for`() throws {
        let loop = try LoopThread()
        #expect(try loop.onLoop { _ in 42 } == 42)
        #expect(try loop.onLoop { _ in 43 } == 43)
        loop.stop()
    }

    @Test func `keeps what is posted before the loop runs`() throws {
        let mailbox = try Mailbox<Int>()
        for number in 0..<10 { mailbox.post(number) }
        #expect(mailbox.drain() == Array(0..<10))
        #expect(mailbox.drain().isEmpty)
    }
}
