import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.Map;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends lines of `key TAB value` to a topic: java -cp kafka-clients.jar:slf4j-api.jar Producer.java BOOTSTRAP TOPIC */
class Producer {
    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of("bootstrap.servers", arguments[0], "acks", "all", "linger.ms", 5);
        var lines = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (String line; (line = lines.readLine()) != null; ) {
                String[] parts = line.split("\t", 2);
                producer.send(new ProducerRecord<>(arguments[1], parts[0], parts[1]), (place, error) -> {
                    if (error != null) {
                        System.err.println(error);
                        System.exit(1);
                    }
                });
            }
        }
    }
}
