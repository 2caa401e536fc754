"""Train sections: what their lines say, each word bound, each output found."""
