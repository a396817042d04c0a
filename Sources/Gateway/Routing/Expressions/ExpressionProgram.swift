/// A regular expression as a nondeterministic automaton (Thompson's construction).
struct ExpressionProgram: Sendable {
    enum Instruction: Sendable {
        case match
        case bytes(ByteClass, next: Int)
        case split(Int, Int)
        /// Goes on only at the beginning of the text.
        case start(next: Int)
        /// Goes on only at the end of the text.
        case end(next: Int)
    }

    /// The most instructions of a program: what repetitions of repetitions would make of a short text is refused.
    static let instructionLimit = 4_000

    private(set) var instructions: [Instruction] = [.match]
    private(set) var first = 0

    init(_ node: ExpressionNode) throws(SyntaxError) {
        first = try emit(node, next: 0)
    }

    /// - Returns: where the part begins, which goes on at `next`.
    private mutating func emit(_ node: ExpressionNode, next: Int) throws(SyntaxError) -> Int {
        switch node {
        case .empty: return next
        case .bytes(let set): return try append(.bytes(set, next: next))
        case .start: return try append(.start(next: next))
        case .end: return try append(.end(next: next))
        case .sequence(let parts):
            var entry = next
            for part in parts.reversed() { entry = try emit(part, next: entry) }
            return entry
        case .choice(let branches):
            var entry = try emit(branches[branches.count - 1], next: next)
            for branch in branches.dropLast().reversed() {
                entry = try append(.split(try emit(branch, next: next), entry))
            }
            return entry
        case .repeated(let part, let least, let most):
            var entry = next
            if let most {
                for _ in least..<most { entry = try append(.split(try emit(part, next: entry), next)) }
            } else {
                entry = try append(.split(next, next))
                let body = try emit(part, next: entry)
                instructions[entry] = .split(body, next)
            }
            for _ in 0..<least { entry = try emit(part, next: entry) }
            return entry
        }
    }

    private mutating func append(_ instruction: Instruction) throws(SyntaxError) -> Int {
        guard instructions.count < Self.instructionLimit else {
            throw SyntaxError(
                "is a regular expression that repeats too much: it needs over \(Self.instructionLimit) steps")
        }
        instructions.append(instruction)
        return instructions.count - 1
    }

    // MARK: - Running

    /// Which instructions can be reached without reading a byte.
    struct Threads {
        private(set) var waiting: [Int] = []
        private var marks: [UInt32]
        private var round: UInt32 = 0
        private var stack: [Int] = []

        init(count: Int) { marks = Array(repeating: 0, count: count) }

        mutating func clear() {
            waiting.removeAll(keepingCapacity: true)
            round += 1
        }

        /// Adds `instruction` and what follows it without a byte. Those that wait for a byte, for the end, or match are
        /// kept in `waiting`.
        mutating func add(_ instruction: Int, of program: ExpressionProgram, atStart: Bool, atEnd: Bool = false) {
            stack.append(instruction)
            while let index = stack.popLast() {
                if marks[index] == round { continue }
                marks[index] = round
                switch program.instructions[index] {
                case .match, .bytes: waiting.append(index)
                case .split(let one, let other):
                    stack.append(other)
                    stack.append(one)
                case .start(let next): if atStart { stack.append(next) }
                case .end(let next):
                    if atEnd { stack.append(next) } else { waiting.append(index) }
                }
            }
        }
    }

    /// Whether a text that ends here matches.
    func accepts(_ waiting: [Int], atStart: Bool) -> Bool {
        var threads = Threads(count: instructions.count)
        threads.clear()
        for index in waiting { threads.add(index, of: self, atStart: atStart, atEnd: true) }
        return threads.waiting.contains(0)
    }

    /// Runs the program itself, without an automaton made of it.
    func accepts(_ bytes: Span<UInt8>) -> Bool {
        var current = Threads(count: instructions.count)
        var next = Threads(count: instructions.count)
        current.clear()
        current.add(first, of: self, atStart: true)
        for position in bytes.indices {
            next.clear()
            for index in current.waiting {
                if case .bytes(let set, let following) = instructions[index], set.contains(bytes[position]) {
                    next.add(following, of: self, atStart: false)
                }
            }
            if next.waiting.isEmpty { return false }
            swap(&current, &next)
        }
        return accepts(current.waiting, atStart: bytes.isEmpty)
    }
}
